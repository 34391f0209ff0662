-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.project_members;
create policy tenant_isolation on app_public.project_members as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.project_members is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_visible on app_public.project_members;
create policy select_visible on app_public.project_members for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy select_visible on app_public.project_members is 'Who sees a project sees who works on it.';

drop policy if exists insert_admin_or_owner on app_public.project_members;
create policy insert_admin_or_owner on app_public.project_members for insert to app_user
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('member'))
      <> (project_id = any ((select app_hidden.project_ids_apart('member'))::uuid[])))
    and ((select app_hidden.has_role('admin'))
        <> (project_id = any ((select app_hidden.project_ids_apart('admin'))::uuid[]))
      or exists (
      select from app_public.projects p
      where p.tenant_id = project_members.tenant_id and p.id = project_members.project_id
        and p.owner_id = (select app_hidden.current_user_id())))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('projects:write')));
comment on policy insert_admin_or_owner on app_public.project_members is
  'Admins and the owner of a project add people to it.';

drop policy if exists update_admin_or_owner on app_public.project_members;
create policy update_admin_or_owner on app_public.project_members for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('member'))
      <> (project_id = any ((select app_hidden.project_ids_apart('member'))::uuid[])))
    and ((select app_hidden.has_role('admin'))
        <> (project_id = any ((select app_hidden.project_ids_apart('admin'))::uuid[]))
      or exists (
      select from app_public.projects p
      where p.tenant_id = project_members.tenant_id and p.id = project_members.project_id
        and p.owner_id = (select app_hidden.current_user_id())))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('projects:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy update_admin_or_owner on app_public.project_members is
  'Admins and the owner of a project change ranks in it.';

drop policy if exists delete_admin_or_owner on app_public.project_members;
create policy delete_admin_or_owner on app_public.project_members for delete to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and (
      (((select app_hidden.has_role('member'))
          <> (project_id = any ((select app_hidden.project_ids_apart('member'))::uuid[])))
        and ((select app_hidden.has_role('admin'))
            <> (project_id = any ((select app_hidden.project_ids_apart('admin'))::uuid[]))
          or (user_id <> (select app_hidden.current_user_id()) and exists (
            select from app_public.projects p
            where p.tenant_id = project_members.tenant_id and p.id = project_members.project_id
              and p.owner_id = (select app_hidden.current_user_id())))))
      or (user_id = (select app_hidden.current_user_id()) and (select app_hidden.current_api_key_id()) is null
        and role >= (select app_hidden.current_member_role())
        and not exists (
          select from app_public.team_members t
          where t.tenant_id = project_members.tenant_id and t.user_id = (select app_hidden.current_user_id())
            and t.status = 'joined' and t.role > project_members.role)))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('projects:write')));
comment on policy delete_admin_or_owner on app_public.project_members is
  'Admins and the owner take people out of a project; a person may leave, unless a lower role holds them there, and '
  'their key may not for them.';

drop policy if exists all_system on app_public.project_members;
create policy all_system on app_public.project_members for all to app_system using (true) with check (true);
comment on policy all_system on app_public.project_members is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.project_members from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert (project_id, user_id, role), update (role), delete on app_public.project_members to app_user;
grant select, insert, update, delete on app_public.project_members to app_system;
-- The owner of a project needs a rank that writes, for they may act through a key that only reads.
