-- Raises FH422 REASON_REQUIRED.
create or replace function app_private.require_reason(reason text) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(length(trim(require_reason.reason)), 0) not between 3 and 500 then
    perform app_hidden.raise_error(422, 'REASON_REQUIRED', 'Say why, in 3 to 500 characters; it is written down');
  end if;
end
$$;
comment on function app_private.require_reason(text) is 'Refuses an act of an operator that has no reason.';
grant execute on function app_private.require_reason(text) to app_system;
