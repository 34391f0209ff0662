-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN.
drop function if exists app_private.require_role(app_public.member_role, text);

create or replace function app_private.require_role(
  minimum app_public.member_role,
  permission text,
  is_anywhere boolean default false
) returns uuid
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_tenant_id() is null then
    perform app_hidden.raise_error(400, 'TENANT_REQUIRED', 'Choose a tenant with the X-Tenant header');
  end if;
  if not (app_hidden.has_role(require_role.minimum)
      or (require_role.is_anywhere and app_hidden.project_ids_apart(require_role.minimum) <> '{}'))
    or not app_hidden.is_permitted(require_role.permission) then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Your role does not allow this',
      jsonb_build_object('required', require_role.minimum, 'permission', require_role.permission));
  end if;
  return app_hidden.current_tenant_id();
end
$$;
comment on function app_private.require_role(app_public.member_role, text, boolean) is
  'Tenant of the request, for someone of at least that rank, in one of its projects if anywhere will do.';
grant execute on function app_private.require_role(app_public.member_role, text, boolean) to app_system;
