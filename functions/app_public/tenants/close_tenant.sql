-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED,
-- FH422 NAME_DOES_NOT_MATCH.
create or replace function app_public.close_tenant(slug text) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_tenant    app_public.tenants;
begin
  v_tenant_id := app_private.require_role('owner', 'tenant:write');
  perform app_private.require_recent_authentication();
  select * into v_tenant from app_public.tenants t where t.id = v_tenant_id for no key update;
  if v_tenant.slug is distinct from lower(trim(close_tenant.slug)) then
    perform app_hidden.raise_error(422, 'NAME_DOES_NOT_MATCH', 'Give the slug of the tenant, to be sure it is the one');
  end if;
  v_tenant := app_private.end_tenant(v_tenant_id);
  perform app_private.log_audit_event(app_hidden.current_user_id(), 'tenant.closed', 'tenant', v_tenant_id);
  return v_tenant;
end
$$;
comment on function app_public.close_tenant(text) is
  'Closes the tenant of the request, whose slug is given once more: its people, keys and webhooks are refused from now '
  'on, what was being built is canceled, its slug is free. Its data is kept for a while; operators can restore it.';
alter function app_public.close_tenant(text) owner to app_system;
grant execute on function app_public.close_tenant(text) to app_user;
