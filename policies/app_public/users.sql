-- tenancy: global
drop policy if exists select_self_and_colleagues on app_public.users;
create policy select_self_and_colleagues on app_public.users for select to app_user
  using ((id = (select app_hidden.current_user_id())
      or id = any ((select app_hidden.current_tenant_user_ids())::uuid[]))
    and (select app_hidden.current_project_id()) is null);
comment on policy select_self_and_colleagues on app_public.users is
  'A person sees themselves and the people of the tenant of the request; a key that is narrowed to a project sees '
  'nobody.';

drop policy if exists update_self on app_public.users;
create policy update_self on app_public.users for update to app_user
  using (id = (select app_hidden.current_user_id())
    and (select app_hidden.current_api_key_id()) is null)
  with check (id = (select app_hidden.current_user_id()));
comment on policy update_self on app_public.users is 'A person changes their own profile; an API key does not.';

drop policy if exists all_system on app_public.users;
create policy all_system on app_public.users for all to app_system using (true) with check (true);
comment on policy all_system on app_public.users is 'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.users from app_anonymous, app_user, app_system, freehold_worker;
grant select,
  update (username, name, first_name, last_name, avatar_url, bio, location, website_url, github_username)
  on app_public.users to app_user;
grant select, insert, update, delete on app_public.users to app_system;
-- No insert: register. No delete: an account is closed, not removed.
-- The address changes only with proof of the new one.
