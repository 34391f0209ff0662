-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED, REAUTHENTICATION_REQUIRED or NOT_GRANTED,
-- FH404 TENANT_NOT_FOUND, FH422 REASON_REQUIRED.
create or replace function app_private.enter_tenant(tenant text, reason text) returns app_public.operator_grants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_tenant   app_public.tenants;
  v_grant    app_public.operator_grants;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(enter_tenant.reason);
  v_tenant := app_private.find_tenant(enter_tenant.tenant);
  -- The tenant is locked, so two operators do not take one.
  update app_public.operator_grants g set operator_id = v_operator.id, entered_at = coalesce(g.entered_at, now())
  where g.tenant_id = v_tenant.id and v_tenant.is_active and v_tenant.deleted_at is null
    and g.id = (
      select o.id
      from app_public.operator_grants o
      where o.tenant_id = v_tenant.id and (o.operator_id = v_operator.id or o.entered_at is null)
        and o.revoked_at is null and o.expires_at > now()
      order by o.operator_id is null, o.expires_at desc
      limit 1)
  returning * into v_grant;
  if v_grant.id is null then
    perform app_hidden.raise_error(403, 'NOT_GRANTED', 'No owner of the tenant lets an operator in now');
  end if;
  perform app_private.log_operator_act(
    v_operator, 'operator.tenant_entered', 'operator_grant', v_grant.id, enter_tenant.reason, v_tenant.id);
  return v_grant;
end
$$;
comment on function app_private.enter_tenant(text, text) is
  'Takes the leave that an owner of the tenant gave. Until it ends, requests of the operator that name the tenant read '
  'there as a viewer would, and each is written into its audit log.';
alter function app_private.enter_tenant(text, text) owner to app_system;
grant execute on function app_private.enter_tenant(text, text) to app_operator;
