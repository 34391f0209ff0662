-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.deployments;
create policy tenant_isolation on app_public.deployments as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.deployments is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_visible on app_public.deployments;
create policy select_visible on app_public.deployments for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_visible on app_public.deployments is 'Who sees a project sees its deployments.';

drop policy if exists update_developer on app_public.deployments;
create policy update_developer on app_public.deployments for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.current_environment_id()) is null
      or environment_id = (select app_hidden.current_environment_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[])))
    and (select app_hidden.is_permitted('deployments:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy update_developer on app_public.deployments is 'Developers lock a deployment and report about it.';

drop policy if exists all_worker on app_public.deployments;
create policy all_worker on app_public.deployments for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.deployments is 'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.deployments;
create policy all_system on app_public.deployments for all to app_system using (true) with check (true);
comment on policy all_system on app_public.deployments is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.deployments from app_anonymous, app_user, app_system, freehold_worker;
grant select, update (is_locked, metrics, build_logs_url, container_port) on app_public.deployments to app_user;
grant select on app_public.deployments to freehold_worker;
grant select, insert, update, delete on app_public.deployments to app_system;
-- No insert or delete, no other column: request_deployment, transition_deployment and their kin keep the rules.
