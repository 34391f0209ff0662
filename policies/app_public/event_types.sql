-- tenancy: reference: the same for every tenant
drop policy if exists select_all on app_public.event_types;
create policy select_all on app_public.event_types for select to app_user
  using (true);
comment on policy select_all on app_public.event_types is 'The list of event types is for everyone who is logged in.';

drop policy if exists all_worker on app_public.event_types;
create policy all_worker on app_public.event_types for all to freehold_worker using (true) with check (true);
comment on policy all_worker on app_public.event_types is 'The worker runs the queue of the whole platform.';

drop policy if exists all_system on app_public.event_types;
create policy all_system on app_public.event_types for all to app_system using (true) with check (true);
comment on policy all_system on app_public.event_types is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.event_types from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.event_types to app_user;
grant select on app_public.event_types to freehold_worker;
grant select, insert, update, delete on app_public.event_types to app_system;
-- Changed by sql/seeds only.
