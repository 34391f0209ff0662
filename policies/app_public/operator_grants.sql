-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.operator_grants;
create policy tenant_isolation on app_public.operator_grants as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.operator_grants is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_admin on app_public.operator_grants;
create policy select_admin on app_public.operator_grants for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('admin'))
    and (select app_hidden.current_project_id()) is null);
comment on policy select_admin on app_public.operator_grants is 'Admins see who may look into the tenant, and who did.';

drop policy if exists all_system on app_public.operator_grants;
create policy all_system on app_public.operator_grants for all to app_system using (true) with check (true);
comment on policy all_system on app_public.operator_grants is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.operator_grants from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.operator_grants to app_user;
grant select, insert, update, delete on app_public.operator_grants to app_system;
-- No insert or update: grant_operator_access and revoke_operator_access. What was granted is never deleted.
