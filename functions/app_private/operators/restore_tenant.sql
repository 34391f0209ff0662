-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED,
-- FH404 TENANT_NOT_FOUND, FH409 SLUG_TAKEN or LAST_OWNER, FH422 REASON_REQUIRED.
create or replace function app_private.restore_tenant(tenant text, reason text) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_tenant   app_public.tenants;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(restore_tenant.reason);
  v_tenant := app_private.find_tenant(restore_tenant.tenant);
  if v_tenant.deleted_at is not null then
    if exists (
      select from app_public.tenants t
      where t.id <> v_tenant.id and t.deleted_at is null and (t.slug = v_tenant.slug or t.domain = v_tenant.domain))
    then
      perform app_hidden.raise_error(409, 'SLUG_TAKEN', 'Another tenant has taken its slug or domain since');
    elsif not exists (
      select from app_public.tenant_members m
      where m.tenant_id = v_tenant.id and m.role = 'owner' and m.invitation_status = 'joined')
    then
      perform app_hidden.raise_error(409, 'LAST_OWNER', 'Its last owner is gone; nobody could answer for it');
    end if;
  end if;
  update app_public.tenants t set is_active = true, deleted_at = null where t.id = v_tenant.id
  returning * into v_tenant;
  perform app_private.log_operator_act(
    v_operator, 'operator.tenant_restored', 'tenant', v_tenant.id, restore_tenant.reason, v_tenant.id);
  return v_tenant;
end
$$;
comment on function app_private.restore_tenant(text, text) is
  'Opens a suspended or closed tenant again, to the people and keys it had. What closing canceled or withdrew stays '
  'so.';
alter function app_private.restore_tenant(text, text) owner to app_system;
grant execute on function app_private.restore_tenant(text, text) to app_operator;
