-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED,
-- FH404 MEMBER_NOT_FOUND, FH409 LAST_OWNER.
create or replace function app_public.remove_member(user_id uuid) returns app_public.tenant_members
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  v_tenant_id := app_private.require_role('admin', 'members:write');
  perform app_private.require_below(v_tenant_id, remove_member.user_id);
  return app_private.end_membership(v_tenant_id, remove_member.user_id);
end
$$;
comment on function app_public.remove_member(uuid) is
  'Takes a person out of the tenant; their teams, projects and API keys there end with it.';
alter function app_public.remove_member(uuid) owner to app_system;
grant execute on function app_public.remove_member(uuid) to app_user;
