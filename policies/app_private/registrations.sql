-- tenancy: global
drop policy if exists all_system on app_private.registrations;
create policy all_system on app_private.registrations for all to app_system using (true) with check (true);
comment on policy all_system on app_private.registrations is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_private.registrations from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert, update, delete on app_private.registrations to app_system;
-- Nothing for API roles.
