-- tenancy: tenant
drop policy if exists tenant_isolation on audit.seals;
create policy tenant_isolation on audit.seals as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on audit.seals is 'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_admin on audit.seals;
create policy select_admin on audit.seals for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id()) and (select app_hidden.has_role('admin')));
comment on policy select_admin on audit.seals is 'Admins may keep the seals of their tenant.';

drop policy if exists all_system on audit.seals;
create policy all_system on audit.seals for all to app_system using (true) with check (true);
comment on policy all_system on audit.seals is 'The sealer seals every tenant.';

revoke all on audit.seals from app_anonymous, app_user, app_system, freehold_worker;
grant select on audit.seals to app_user;
grant select, insert on audit.seals to app_system;
-- No update or delete: a chain is only ever made longer.
