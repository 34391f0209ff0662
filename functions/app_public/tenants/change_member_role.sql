-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED,
-- FH404 MEMBER_NOT_FOUND, FH409 LAST_OWNER.
create or replace function app_public.change_member_role(user_id uuid, role app_public.member_role)
  returns app_public.tenant_members
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_member    app_public.tenant_members;
begin
  v_tenant_id := app_private.require_role('admin', 'members:write');
  perform app_private.require_grantable(change_member_role.role);
  perform app_private.require_below(v_tenant_id, change_member_role.user_id);
  update app_public.tenant_members m set role = change_member_role.role
  where m.tenant_id = v_tenant_id and m.user_id = change_member_role.user_id and m.invitation_status = 'joined'
  returning * into v_member;
  if v_member.id is null then
    perform app_hidden.raise_error(404, 'MEMBER_NOT_FOUND', 'No such member');
  end if;
  perform app_private.record_event('member.role_changed', v_tenant_id, 'tenant_member', v_member.id, null,
    jsonb_build_object('userId', v_member.user_id, 'role', v_member.role));
  perform app_private.log_audit_event(app_hidden.current_user_id(), 'member.role_changed', 'tenant_member', v_member.id,
    jsonb_build_object('userId', v_member.user_id, 'role', v_member.role));
  return v_member;
end
$$;
comment on function app_public.change_member_role(uuid, app_public.member_role) is
  'Gives a member another rank, at once.';
alter function app_public.change_member_role(uuid, app_public.member_role) owner to app_system;
grant execute on function app_public.change_member_role(uuid, app_public.member_role) to app_user;
