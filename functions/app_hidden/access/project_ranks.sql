-- A claim as hidden_project_ids is, found and kept in the same way.
create or replace function app_hidden.project_ranks() returns jsonb
  language sql stable parallel safe
as $$
  select coalesce(nullif(current_setting('app.project_ranks', true), '')::jsonb, app_hidden.find_project_ranks())
$$;
comment on function app_hidden.project_ranks() is
  'Rank of the request in each project where it is not that of the tenant: {"<project id>": "<rank>"}.';
grant execute on function app_hidden.project_ranks() to app_user, app_system;
