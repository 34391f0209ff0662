-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED,
-- FH404 TENANT_NOT_FOUND, FH422 REASON_REQUIRED.
create or replace function app_private.suspend_tenant(tenant text, reason text) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_tenant   app_public.tenants;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(suspend_tenant.reason);
  v_tenant := app_private.find_tenant(suspend_tenant.tenant);
  -- Told to the API processes by trigger: what they keep is dropped, sockets are closed.
  update app_public.tenants t set is_active = false where t.id = v_tenant.id
  returning * into v_tenant;
  perform app_private.log_operator_act(
    v_operator, 'operator.tenant_suspended', 'tenant', v_tenant.id, suspend_tenant.reason, v_tenant.id);
  return v_tenant;
end
$$;
comment on function app_private.suspend_tenant(text, text) is
  'Shuts a tenant at once: no session, key or runner acts in it, webhooks are refused, waiting ones ignored, and what '
  'waits to be built waits on. Its data stays.';
alter function app_private.suspend_tenant(text, text) owner to app_system;
grant execute on function app_private.suspend_tenant(text, text) to app_operator;
