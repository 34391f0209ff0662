create or replace function app_hidden.current_environment_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.environment_id', true), '')::uuid
$$;
comment on function app_hidden.current_environment_id() is
  'The only environment that the API key of the request may deploy to; null when there is no such limit.';
grant execute on function app_hidden.current_environment_id() to app_anonymous, app_user, app_system, freehold_worker;
