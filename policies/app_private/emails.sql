-- tenancy: global
drop policy if exists all_worker on app_private.emails;
create policy all_worker on app_private.emails for all to freehold_worker using (true) with check (true);
comment on policy all_worker on app_private.emails is 'The worker runs the queue of the whole platform.';

drop policy if exists all_system on app_private.emails;
create policy all_system on app_private.emails for all to app_system using (true) with check (true);
comment on policy all_system on app_private.emails is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_private.emails from app_anonymous, app_user, app_system, freehold_worker;
grant select, update, delete on app_private.emails to freehold_worker;
grant select, insert, update, delete on app_private.emails to app_system;
-- Nothing for API roles.
