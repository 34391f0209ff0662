-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN.
create or replace function app_private.require_project_rank(
  project_id uuid,
  minimum app_public.member_role,
  permission text
) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_tenant_id() is null then
    perform app_hidden.raise_error(400, 'TENANT_REQUIRED', 'Choose a tenant with the X-Tenant header');
  end if;
  if coalesce(app_hidden.project_rank(require_project_rank.project_id) < require_project_rank.minimum, true)
    or not app_hidden.is_permitted(require_project_rank.permission)
  then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Your role does not allow this',
      jsonb_build_object('required', require_project_rank.minimum, 'permission', require_project_rank.permission));
  end if;
end
$$;
comment on function app_private.require_project_rank(uuid, app_public.member_role, text) is
  'Refuses whoever ranks lower in a project, which the caller has found to be seen.';
grant execute on function app_private.require_project_rank(uuid, app_public.member_role, text) to app_system;
