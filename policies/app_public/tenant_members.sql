-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.tenant_members;
create policy tenant_isolation on app_public.tenant_members as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.tenant_members is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_member on app_public.tenant_members;
create policy select_member on app_public.tenant_members for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.current_project_id()) is null);
comment on policy select_member on app_public.tenant_members is
  'Every member sees who belongs to the tenant; a key that is narrowed to a project does not.';

drop policy if exists all_worker on app_public.tenant_members;
create policy all_worker on app_public.tenant_members for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.tenant_members is 'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.tenant_members;
create policy all_system on app_public.tenant_members for all to app_system using (true) with check (true);
comment on policy all_system on app_public.tenant_members is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.tenant_members from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.tenant_members to app_user;
grant select on app_public.tenant_members to freehold_worker;
grant select, insert, update, delete on app_public.tenant_members to app_system;
-- No insert, update or delete: invite_member, accept_invitation, change_member_role, remove_member and their kin keep
-- the rules.
