-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED,
-- FH404 TENANT_NOT_FOUND, FH422 REASON_REQUIRED.
create or replace function app_private.close_tenant(tenant text, reason text) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_tenant   app_public.tenants;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(close_tenant.reason);
  v_tenant := app_private.find_tenant(close_tenant.tenant);
  v_tenant := app_private.end_tenant(v_tenant.id);
  perform app_private.log_operator_act(
    v_operator, 'operator.tenant_closed', 'tenant', v_tenant.id, close_tenant.reason, v_tenant.id);
  return v_tenant;
end
$$;
comment on function app_private.close_tenant(text, text) is
  'Closes a tenant, as its owner could. restore_tenant opens it again as long as its slug is free.';
alter function app_private.close_tenant(text, text) owner to app_system;
grant execute on function app_private.close_tenant(text, text) to app_operator;
