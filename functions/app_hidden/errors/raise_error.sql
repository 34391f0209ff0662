-- Volatile, and so is all that calls it: a refusal must not be folded at planning, nor skipped.
create or replace function app_hidden.raise_error(
  status integer,
  code text,
  message text,
  detail jsonb default '{}'
) returns void
  language plpgsql volatile parallel safe
  set search_path to pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'FH' || raise_error.status,
    message = raise_error.message,
    detail  = (jsonb_build_object('code', raise_error.code) || raise_error.detail)::text;
end
$$;
comment on function app_hidden.raise_error(integer, text, text, jsonb) is
  'Refuses with SQLSTATE FH<status> and a JSON detail; the table of codes is src/errors.ts.';
grant execute on function app_hidden.raise_error(integer, text, text, jsonb)
  to app_anonymous, app_user, app_system, freehold_worker;
