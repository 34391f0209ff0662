create or replace function app_hidden.current_session_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.session_id', true), '')::uuid
$$;
comment on function app_hidden.current_session_id() is
  'Session of the request; null when it came with an API key or with nothing.';
grant execute on function app_hidden.current_session_id() to app_anonymous, app_user, app_system, freehold_worker;
