create or replace function app_hidden.refusal(
  status integer,
  code text,
  message text,
  detail jsonb default '{}'
) returns jsonb
  language sql stable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object('sqlstate', 'FH' || refusal.status, 'code', refusal.code, 'message', refusal.message)
    || refusal.detail
$$;
comment on function app_hidden.refusal(integer, text, text, jsonb) is
  'What raise_error would raise, to be returned instead by a function that has something to remember, such as a count.';
grant execute on function app_hidden.refusal(integer, text, text, jsonb) to app_system;
