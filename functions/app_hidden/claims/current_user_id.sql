create or replace function app_hidden.current_user_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.user_id', true), '')::uuid
$$;
comment on function app_hidden.current_user_id() is
  'Person of the request, or owner of its API key; null when nobody is logged in.';
grant execute on function app_hidden.current_user_id() to app_anonymous, app_user, app_system, freehold_worker;
