-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.projects;
create policy tenant_isolation on app_public.projects as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.projects is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_visible on app_public.projects;
create policy select_visible on app_public.projects for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null
    and id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or id = (select app_hidden.current_project_id())));
comment on policy select_visible on app_public.projects is
  'Members see the projects that visibility opens to them; a key narrowed to a project sees that one.';

drop policy if exists insert_member on app_public.projects;
create policy insert_member on app_public.projects for insert to app_user
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('member'))
    and (select app_hidden.is_permitted('projects:write'))
    and (select app_hidden.current_project_id()) is null);
comment on policy insert_member on app_public.projects is 'Members and above make projects.';

drop policy if exists update_developer on app_public.projects;
create policy update_developer on app_public.projects for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null
    and id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('member'))
      <> (id = any ((select app_hidden.project_ids_apart('member'))::uuid[])))
    and ((select app_hidden.has_role('developer'))
        <> (id = any ((select app_hidden.project_ids_apart('developer'))::uuid[]))
      or owner_id = (select app_hidden.current_user_id()))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('projects:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null);
comment on policy update_developer on app_public.projects is
  'Developers and the owner, from member up, change a project they see.';

drop policy if exists all_worker on app_public.projects;
create policy all_worker on app_public.projects for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.projects is 'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.projects;
create policy all_system on app_public.projects for all to app_system using (true) with check (true);
comment on policy all_system on app_public.projects is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.projects from app_anonymous, app_user, app_system, freehold_worker;
grant select,
  insert (
    name, slug, description, functionality, type, region, visibility, team_id, status, architecture_type, architecture,
    tech_stack, integrations, environment_vars, memory_limit_mb, cpu_limit_percent, storage_limit_mb, repository_type,
    repository_url, repository_branch),
  update (
    name, slug, description, functionality, type, region, visibility, team_id, status, architecture_type, architecture,
    tech_stack, integrations, environment_vars, memory_limit_mb, cpu_limit_percent, storage_limit_mb, repository_type,
    repository_url, repository_branch,
    health_status, runtime_status, service_url)
  on app_public.projects to app_user;
grant select on app_public.projects to freehold_worker;
grant select, insert, update, delete on app_public.projects to app_system;
-- No delete: archive_project and delete_project. Counters and deployed_* are kept by triggers.
