-- tenancy: global
drop policy if exists select_self on app_public.user_settings;
create policy select_self on app_public.user_settings for select to app_user
  using (user_id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null);
comment on policy select_self on app_public.user_settings is
  'Settings are for the person themselves, not for their API keys.';

drop policy if exists update_self on app_public.user_settings;
create policy update_self on app_public.user_settings for update to app_user
  using (user_id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null)
  with check (user_id = (select app_hidden.current_user_id())
    and (default_tenant_id is null or default_tenant_id = any ((select app_hidden.current_user_tenant_ids())::uuid[])));
comment on policy update_self on app_public.user_settings is
  'A person changes their own settings; the default tenant is one they joined.';

drop policy if exists all_system on app_public.user_settings;
create policy all_system on app_public.user_settings for all to app_system using (true) with check (true);
comment on policy all_system on app_public.user_settings is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.user_settings from app_anonymous, app_user, app_system, freehold_worker;
grant select, update (preferences, settings, default_tenant_id) on app_public.user_settings to app_user;
grant select, insert, update, delete on app_public.user_settings to app_system;
-- No insert: register makes the row.
