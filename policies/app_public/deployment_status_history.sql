-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.deployment_status_history;
create policy tenant_isolation on app_public.deployment_status_history
  as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.deployment_status_history is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_visible on app_public.deployment_status_history;
create policy select_visible on app_public.deployment_status_history for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_visible on app_public.deployment_status_history is
  'Who sees a project sees how its deployments moved.';

drop policy if exists all_worker on app_public.deployment_status_history;
create policy all_worker on app_public.deployment_status_history for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.deployment_status_history is
  'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.deployment_status_history;
create policy all_system on app_public.deployment_status_history for all to app_system using (true) with check (true);
comment on policy all_system on app_public.deployment_status_history is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.deployment_status_history from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.deployment_status_history to app_user;
grant select on app_public.deployment_status_history to freehold_worker;
grant select, insert, update, delete on app_public.deployment_status_history to app_system;
-- Appended by trigger only.
