-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.team_members;
create policy tenant_isolation on app_public.team_members as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.team_members is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_member on app_public.team_members;
create policy select_member on app_public.team_members for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy select_member on app_public.team_members is 'Every member sees who is in which team.';

drop policy if exists insert_admin_or_lead on app_public.team_members;
create policy insert_admin_or_lead on app_public.team_members for insert to app_user
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('member'))
    and exists (
      select from app_public.teams t
      where t.tenant_id = team_members.tenant_id and t.id = team_members.team_id and t.deleted_at is null
        and ((select app_hidden.has_role('admin')) or t.owner_id = (select app_hidden.current_user_id())))
    and (select app_hidden.is_permitted('teams:write')));
comment on policy insert_admin_or_lead on app_public.team_members is 'Admins and the lead put people into a team.';

drop policy if exists update_admin_or_lead on app_public.team_members;
create policy update_admin_or_lead on app_public.team_members for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('member'))
    and ((select app_hidden.has_role('admin')) or exists (
      select from app_public.teams t
      where t.tenant_id = team_members.tenant_id and t.id = team_members.team_id
        and t.owner_id = (select app_hidden.current_user_id())))
    and (select app_hidden.is_permitted('teams:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy update_admin_or_lead on app_public.team_members is 'Admins and the lead change ranks inside a team.';

drop policy if exists delete_admin_or_lead on app_public.team_members;
create policy delete_admin_or_lead on app_public.team_members for delete to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and (
      ((select app_hidden.has_role('member')) and ((select app_hidden.has_role('admin'))
        or (user_id <> (select app_hidden.current_user_id()) and exists (
          select from app_public.teams t
          where t.tenant_id = team_members.tenant_id and t.id = team_members.team_id
            and t.owner_id = (select app_hidden.current_user_id())))))
      or (user_id = (select app_hidden.current_user_id()) and (select app_hidden.current_api_key_id()) is null
        and role >= (select app_hidden.current_member_role())))
    and (select app_hidden.is_permitted('teams:write')));
comment on policy delete_admin_or_lead on app_public.team_members is
  'Admins and the lead take people out of a team; a person may leave, unless a lower role holds them there, and '
  'their key may not for them.';

drop policy if exists all_system on app_public.team_members;
create policy all_system on app_public.team_members for all to app_system using (true) with check (true);
comment on policy all_system on app_public.team_members is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.team_members from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert (team_id, user_id, role), update (role), delete on app_public.team_members to app_user;
grant select, insert, update, delete on app_public.team_members to app_system;
-- The lead of a team needs a rank that writes, for they may act through a key that only reads.
