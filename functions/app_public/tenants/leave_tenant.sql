-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH404 MEMBER_NOT_FOUND, FH409 LAST_OWNER.
create or replace function app_public.leave_tenant() returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_session();
  if app_hidden.current_tenant_id() is null then
    perform app_hidden.raise_error(400, 'TENANT_REQUIRED', 'Choose a tenant with the X-Tenant header');
  end if;
  perform app_private.end_membership(app_hidden.current_tenant_id(), app_hidden.current_user_id());
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.leave_tenant() is 'Ends the membership of the person of the request.';
alter function app_public.leave_tenant() owner to app_system;
grant execute on function app_public.leave_tenant() to app_user;
