-- tenancy: tenant
drop policy if exists tenant_isolation on app_private.deployment_leases;
create policy tenant_isolation on app_private.deployment_leases
  as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_private.deployment_leases is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists all_system on app_private.deployment_leases;
create policy all_system on app_private.deployment_leases for all to app_system using (true) with check (true);
comment on policy all_system on app_private.deployment_leases is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_private.deployment_leases from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert, update, delete on app_private.deployment_leases to app_system;
-- Nothing for API roles.
