-- tenancy: global
drop policy if exists all_system on app_private.wrapping_keys;
create policy all_system on app_private.wrapping_keys for all to app_system using (true) with check (true);
comment on policy all_system on app_private.wrapping_keys is
  'wrap_keyring and current_keyring read it; nobody else has a use for it.';

revoke all on app_private.wrapping_keys from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert, delete on app_private.wrapping_keys to app_system;
-- Nothing for API roles: what is wrapped would be open to them.
