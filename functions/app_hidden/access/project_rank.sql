-- For functions, which ask of one project. Policies ask project_ids_apart, once a statement.
create or replace function app_hidden.project_rank(project_id uuid) returns app_public.member_role
  language sql stable parallel safe
as $$
  select coalesce(
    (app_hidden.project_ranks() ->> project_rank.project_id::text)::app_public.member_role,
    app_hidden.current_member_role())
$$;
comment on function app_hidden.project_rank(uuid) is
  'Rank of the request inside a project, if it sees it; null without a tenant.';
grant execute on function app_hidden.project_rank(uuid) to app_user, app_system;
