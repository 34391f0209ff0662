-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.teams;
create policy tenant_isolation on app_public.teams as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.teams is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_member on app_public.teams;
create policy select_member on app_public.teams for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null);
comment on policy select_member on app_public.teams is 'Every member sees the teams that stand.';

drop policy if exists insert_admin on app_public.teams;
create policy insert_admin on app_public.teams for insert to app_user
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('admin'))
    and (select app_hidden.is_permitted('teams:write')));
comment on policy insert_admin on app_public.teams is 'Admins make teams.';

drop policy if exists update_admin_or_lead on app_public.teams;
create policy update_admin_or_lead on app_public.teams for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null
    and (select app_hidden.has_role('member'))
    and ((select app_hidden.has_role('admin')) or owner_id = (select app_hidden.current_user_id()))
    and (select app_hidden.is_permitted('teams:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and deleted_at is null);
comment on policy update_admin_or_lead on app_public.teams is
  'Admins and the lead of a team, from member up, change it.';

drop policy if exists all_system on app_public.teams;
create policy all_system on app_public.teams for all to app_system using (true) with check (true);
comment on policy all_system on app_public.teams is 'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.teams from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert (name, description, owner_id), update (name, description, owner_id)
  on app_public.teams to app_user;
grant select, insert, update, delete on app_public.teams to app_system;
-- No delete: delete_team.
