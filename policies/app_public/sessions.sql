-- tenancy: global
drop policy if exists select_self on app_public.sessions;
create policy select_self on app_public.sessions for select to app_user
  using (user_id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null);
comment on policy select_self on app_public.sessions is 'A person sees their own log-ins; an API key sees none.';

drop policy if exists all_system on app_public.sessions;
create policy all_system on app_public.sessions for all to app_system using (true) with check (true);
comment on policy all_system on app_public.sessions is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.sessions from app_anonymous, app_user, app_system, freehold_worker;
grant select on app_public.sessions to app_user;
grant select, insert, update, delete on app_public.sessions to app_system;
-- No insert, update or delete: login, logout, revoke_session.
