create or replace function app_hidden.current_user_agent() returns text
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.user_agent', true), '')
$$;
comment on function app_hidden.current_user_agent() is 'User agent that the request named; null when it named none.';
grant execute on function app_hidden.current_user_agent() to app_anonymous, app_user, app_system, freehold_worker;
