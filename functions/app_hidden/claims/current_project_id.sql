create or replace function app_hidden.current_project_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.project_id', true), '')::uuid
$$;
comment on function app_hidden.current_project_id() is
  'The only project that the API key of the request may see; null when there is no such limit.';
grant execute on function app_hidden.current_project_id() to app_anonymous, app_user, app_system, freehold_worker;
