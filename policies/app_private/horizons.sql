-- tenancy: global
drop policy if exists all_system on app_private.horizons;
create policy all_system on app_private.horizons for all to app_system using (true) with check (true);
comment on policy all_system on app_private.horizons is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_private.horizons from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert, delete on app_private.horizons to app_system;
-- Nothing for API roles.
