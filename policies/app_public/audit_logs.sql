-- tenancy: tenant; what happens in no tenant carries the tenant of all zeros and is for the person alone
drop policy if exists tenant_isolation on app_public.audit_logs;
create policy tenant_isolation on app_public.audit_logs as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id())
    or (tenant_id = (select app_hidden.platform_tenant_id()) and user_id = (select app_hidden.current_user_id())))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.audit_logs is
  'The wall: nothing of another tenant, and of no tenant only what one did oneself.';

drop policy if exists select_admin on app_public.audit_logs;
create policy select_admin on app_public.audit_logs for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('admin'))
    and (select app_hidden.current_project_id()) is null);
comment on policy select_admin on app_public.audit_logs is 'Admins read what was done in their tenant.';

drop policy if exists select_self on app_public.audit_logs;
create policy select_self on app_public.audit_logs for select to app_user
  using ((tenant_id = (select app_hidden.current_tenant_id()) or tenant_id = (select app_hidden.platform_tenant_id()))
    and user_id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null);
comment on policy select_self on app_public.audit_logs is 'A person reads what they did themselves.';

drop policy if exists all_system on app_public.audit_logs;
create policy all_system on app_public.audit_logs for all to app_system using (true) with check (true);
comment on policy all_system on app_public.audit_logs is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.audit_logs from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.audit_logs to app_user;
grant select, insert, update (ip_address, user_agent, details) on app_public.audit_logs to app_system;
-- No insert, update or delete: log_audit_event and record_audit_events append, erase_user empties, nothing removes.
