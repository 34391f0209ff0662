-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 TEAM_NOT_FOUND.
create or replace function app_public.delete_team(id uuid) returns app_public.teams
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_team      app_public.teams;
begin
  v_tenant_id := app_private.require_role('admin', 'teams:write');
  -- The row stays for those who refer to it.
  update app_public.teams t set deleted_at = now()
  where t.tenant_id = v_tenant_id and t.id = delete_team.id and t.deleted_at is null
  returning * into v_team;
  if v_team.id is null then
    perform app_hidden.raise_error(404, 'TEAM_NOT_FOUND', 'No such team');
  end if;
  delete from app_public.team_members m where m.tenant_id = v_tenant_id and m.team_id = v_team.id;
  return v_team;
end
$$;
comment on function app_public.delete_team(uuid) is
  'Dissolves a team. Projects shown to it are left to their own members and the admins.';
alter function app_public.delete_team(uuid) owner to app_system;
grant execute on function app_public.delete_team(uuid) to app_user;
