-- authenticate finds them once a request and makes them a claim, unless they are very many or the request lives long,
-- as a websocket does: then they are found once a statement. No definer and no search_path, so that the planner can
-- melt it away.
create or replace function app_hidden.hidden_project_ids() returns uuid[]
  language sql stable parallel safe
as $$
  select coalesce(
    nullif(current_setting('app.hidden_project_ids', true), '')::uuid[],
    app_hidden.find_hidden_project_ids())
$$;
comment on function app_hidden.hidden_project_ids() is
  'Projects of the tenant that are deleted or that the person of the request may not see.';
grant execute on function app_hidden.hidden_project_ids() to app_user, app_system;
