-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.api_keys;
create policy tenant_isolation on app_public.api_keys as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.api_keys is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_own_or_admin on app_public.api_keys;
create policy select_own_or_admin on app_public.api_keys for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (id = (select app_hidden.current_api_key_id())
      or (user_id = (select app_hidden.current_user_id()) and (select app_hidden.current_api_key_id()) is null)
      or ((select app_hidden.has_role('admin')) and (select app_hidden.current_project_id()) is null)));
comment on policy select_own_or_admin on app_public.api_keys is
  'A person sees their own keys, an admin all; a key sees itself, or all when it is an admin''s for the whole tenant.';

drop policy if exists update_own_or_admin on app_public.api_keys;
create policy update_own_or_admin on app_public.api_keys for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (user_id = (select app_hidden.current_user_id()) or (select app_hidden.has_role('admin')))
    and (select app_hidden.current_api_key_id()) is null)
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy update_own_or_admin on app_public.api_keys is
  'A person renames their own keys, an admin any; a key changes no key.';

drop policy if exists all_system on app_public.api_keys;
create policy all_system on app_public.api_keys for all to app_system using (true) with check (true);
comment on policy all_system on app_public.api_keys is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.api_keys from app_anonymous, app_user, app_system, freehold_worker;
grant select, update (name) on app_public.api_keys to app_user;
grant select, insert, update, delete on app_public.api_keys to app_system;
-- No insert or delete: create_api_key, rotate_api_key, revoke_api_key.
