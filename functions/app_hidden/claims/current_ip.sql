create or replace function app_hidden.current_ip() returns inet
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.ip', true), '')::inet
$$;
comment on function app_hidden.current_ip() is 'Address the request came from; null when unknown.';
grant execute on function app_hidden.current_ip() to app_anonymous, app_user, app_system, freehold_worker;
