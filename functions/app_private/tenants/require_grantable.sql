-- Raises FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED.
create or replace function app_private.require_grantable(role app_public.member_role) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if require_grantable.role is null or require_grantable.role > app_hidden.current_member_role()
  then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Nobody can give a rank above their own',
      jsonb_build_object('role', app_hidden.current_member_role()));
  end if;
  if require_grantable.role = 'owner' then
    perform app_private.require_recent_authentication();
  end if;
end
$$;
comment on function app_private.require_grantable(app_public.member_role) is
  'Refuses to hand out a rank above that of the request; that of an owner asks who it is again.';
grant execute on function app_private.require_grantable(app_public.member_role) to app_system;
