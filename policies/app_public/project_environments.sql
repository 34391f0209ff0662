-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.project_environments;
create policy tenant_isolation on app_public.project_environments as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.project_environments is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_visible on app_public.project_environments;
create policy select_visible on app_public.project_environments for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_visible on app_public.project_environments is 'Who sees a project sees its environments.';

drop policy if exists insert_developer on app_public.project_environments;
create policy insert_developer on app_public.project_environments for insert to app_user
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and (select app_hidden.current_environment_id()) is null
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[])))
    and (select app_hidden.is_permitted('environments:write')));
comment on policy insert_developer on app_public.project_environments is 'Developers make environments.';

drop policy if exists update_developer on app_public.project_environments;
create policy update_developer on app_public.project_environments for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.current_environment_id()) is null or id = (select app_hidden.current_environment_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[])))
    and (select app_hidden.is_permitted('environments:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null);
comment on policy update_developer on app_public.project_environments is 'Developers change environments.';

drop policy if exists all_worker on app_public.project_environments;
create policy all_worker on app_public.project_environments for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.project_environments is
  'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.project_environments;
create policy all_system on app_public.project_environments for all to app_system using (true) with check (true);
comment on policy all_system on app_public.project_environments is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.project_environments from app_anonymous, app_user, app_system, freehold_worker;
grant select,
  insert (
    project_id, name, type, branch, env_vars, custom_domain, requires_approval, is_active, max_builds,
    supersedes_waiting),
  update (
    name, type, branch, env_vars, custom_domain, requires_approval, is_active, max_builds, supersedes_waiting)
  on app_public.project_environments to app_user;
grant select on app_public.project_environments to freehold_worker;
grant select, insert, update, delete on app_public.project_environments to app_system;
-- No delete: delete_environment.
