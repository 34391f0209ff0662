create or replace function app_hidden.current_api_key_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.api_key_id', true), '')::uuid
$$;
comment on function app_hidden.current_api_key_id() is
  'API key of the request; null when it came with a session or with nothing.';
grant execute on function app_hidden.current_api_key_id() to app_anonymous, app_user, app_system, freehold_worker;
