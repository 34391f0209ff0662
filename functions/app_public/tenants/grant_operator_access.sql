-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED.
create or replace function app_public.grant_operator_access(reason text, hours integer default 24)
  returns app_public.operator_grants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_grant     app_public.operator_grants;
begin
  -- Null is as if nothing were said.
  grant_operator_access.hours := coalesce(grant_operator_access.hours, 24);
  v_tenant_id := app_private.require_role('owner', 'tenant:write');
  perform app_private.require_recent_authentication();
  if grant_operator_access.hours not between 1 and 168
    or coalesce(length(trim(grant_operator_access.reason)), 0) not between 1 and 500
  then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'Say why in 1 to 500 characters, for 1 to 168 hours');
  end if;
  insert into app_public.operator_grants (tenant_id, granted_by_user_id, reason, expires_at)
  values (v_tenant_id, app_hidden.current_user_id(), trim(grant_operator_access.reason),
    now() + make_interval(hours => grant_operator_access.hours))
  returning * into v_grant;
  perform app_private.log_audit_event(app_hidden.current_user_id(), 'operator.access_granted', 'operator_grant',
    v_grant.id, jsonb_build_object('until', v_grant.expires_at));
  return v_grant;
end
$$;
comment on function app_public.grant_operator_access(text, integer) is
  'Lets one operator of the platform read in the tenant as a viewer would, for that many hours, a week at most. '
  'Whatever they ask for stands in the audit log.';
alter function app_public.grant_operator_access(text, integer) owner to app_system;
grant execute on function app_public.grant_operator_access(text, integer) to app_user;
