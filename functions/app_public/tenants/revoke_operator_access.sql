-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN, FH404 OPERATOR_GRANT_NOT_FOUND.
create or replace function app_public.revoke_operator_access(id uuid) returns app_public.operator_grants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_grant     app_public.operator_grants;
begin
  perform app_private.require_session();
  v_tenant_id := app_private.require_role('admin', 'tenant:write');
  update app_public.operator_grants g set revoked_at = coalesce(g.revoked_at, now())
  where g.tenant_id = v_tenant_id and g.id = revoke_operator_access.id
  returning * into v_grant;
  if v_grant.id is null then
    perform app_hidden.raise_error(404, 'OPERATOR_GRANT_NOT_FOUND', 'No such leave was given');
  end if;
  perform app_private.log_audit_event(
    app_hidden.current_user_id(), 'operator.access_revoked', 'operator_grant', v_grant.id);
  return v_grant;
end
$$;
comment on function app_public.revoke_operator_access(uuid) is
  'Takes back what grant_operator_access gave; the operator is out at once. Any admin may.';
alter function app_public.revoke_operator_access(uuid) owner to app_system;
grant execute on function app_public.revoke_operator_access(uuid) to app_user;
