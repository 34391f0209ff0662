-- Raises FH422 APPEND_ONLY.
create or replace function app_private.tg__refuse_change() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_hidden.raise_error(422, 'APPEND_ONLY', TG_ARGV[0] || ' are append-only');
  return null;
end
$$;
comment on function app_private.tg__refuse_change() is 'Refuses every update and delete of an append-only table. Argument: its name.';
