-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED,
-- FH404 MEMBER_NOT_FOUND.
create or replace function app_public.transfer_ownership(user_id uuid) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_tenant    app_public.tenants;
begin
  perform app_private.require_session();
  v_tenant_id := app_private.require_role('owner', 'members:write');
  perform app_private.require_recent_authentication();
  perform from app_public.tenants t where t.id = v_tenant_id for no key update;
  update app_public.tenant_members m set role = 'owner'
  where m.tenant_id = v_tenant_id and m.user_id = transfer_ownership.user_id and m.invitation_status = 'joined';
  if not found then
    perform app_hidden.raise_error(404, 'MEMBER_NOT_FOUND', 'No such member');
  end if;
  if transfer_ownership.user_id <> app_hidden.current_user_id() then
    update app_public.tenant_members m set role = 'admin'
    where m.tenant_id = v_tenant_id and m.user_id = app_hidden.current_user_id();
  end if;
  update app_public.tenants t set owner_id = transfer_ownership.user_id
  where t.id = v_tenant_id
  returning * into v_tenant;
  perform app_private.record_event('tenant.ownership_transferred', v_tenant_id, 'tenant', v_tenant_id, null,
    jsonb_build_object('userId', transfer_ownership.user_id));
  perform app_private.log_audit_event(
    app_hidden.current_user_id(), 'tenant.ownership_transferred', 'tenant', v_tenant_id,
    jsonb_build_object('userId', transfer_ownership.user_id));
  return v_tenant;
end
$$;
comment on function app_public.transfer_ownership(uuid) is
  'Makes another member the owner; the person of the request stays as an admin.';
alter function app_public.transfer_ownership(uuid) owner to app_system;
grant execute on function app_public.transfer_ownership(uuid) to app_user;
