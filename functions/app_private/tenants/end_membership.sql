-- Raises FH404 MEMBER_NOT_FOUND, FH409 LAST_OWNER.
create or replace function app_private.end_membership(tenant_id uuid, user_id uuid) returns app_public.tenant_members
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_member app_public.tenant_members;
begin
  update app_public.tenant_members m set invitation_status = 'removed'
  where m.tenant_id = end_membership.tenant_id and m.user_id = end_membership.user_id and m.invitation_status = 'joined'
  returning * into v_member;
  if v_member.id is null then
    perform app_hidden.raise_error(404, 'MEMBER_NOT_FOUND', 'No such member');
  end if;
  delete from app_public.team_members t where t.tenant_id = v_member.tenant_id and t.user_id = v_member.user_id;
  delete from app_public.project_members p where p.tenant_id = v_member.tenant_id and p.user_id = v_member.user_id;
  update app_public.teams t set owner_id = null
  where t.tenant_id = v_member.tenant_id and t.owner_id = v_member.user_id;
  update app_public.api_keys k set revoked_at = now()
  where k.tenant_id = v_member.tenant_id and k.user_id = v_member.user_id and k.revoked_at is null;
  -- Whoever left does not go on paying; the owner does.
  update app_public.tenants t set billing_owner_id = null
  where t.id = v_member.tenant_id and t.billing_owner_id = v_member.user_id;
  update app_public.user_settings s set default_tenant_id = null
  where s.user_id = v_member.user_id and s.default_tenant_id = v_member.tenant_id;
  perform app_private.record_event('member.removed', v_member.tenant_id, 'tenant_member', v_member.id, null,
    jsonb_build_object('userId', v_member.user_id));
  perform app_private.log_audit_event(app_hidden.current_user_id(),
    case when v_member.user_id = app_hidden.current_user_id() then 'member.left' else 'member.removed' end,
    'tenant_member', v_member.id, jsonb_build_object('userId', v_member.user_id), tenant_id => v_member.tenant_id);
  return v_member;
end
$$;
comment on function app_private.end_membership(uuid, uuid) is
  'Ends a membership with all that hangs on it: teams, projects, API keys.';
alter function app_private.end_membership(uuid, uuid) owner to app_system;
