create or replace function app_hidden.current_request_id() returns text
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.request_id', true), '')
$$;
comment on function app_hidden.current_request_id() is 'Identifier of the request; null outside of requests.';
grant execute on function app_hidden.current_request_id() to app_anonymous, app_user, app_system, freehold_worker;
