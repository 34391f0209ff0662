-- Raises FH400 TENANT_REQUIRED, FH404 PROJECT_NOT_FOUND, FH403 FORBIDDEN. What one can not see does not exist,
-- whatever the rank.
drop function if exists app_private.require_project(uuid, app_public.member_role, text);

create or replace function app_private.require_project(
  project_id uuid,
  minimum app_public.member_role,
  permission text,
  is_whole boolean default true
) returns app_public.projects
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  if app_hidden.current_tenant_id() is null then
    perform app_hidden.raise_error(400, 'TENANT_REQUIRED', 'Choose a tenant with the X-Tenant header');
  end if;
  select * into v_project
  from app_public.projects p
  where p.tenant_id = app_hidden.current_tenant_id() and p.id = require_project.project_id and p.deleted_at is null
    and p.id <> all (app_hidden.hidden_project_ids())
    and (app_hidden.current_project_id() is null or p.id = app_hidden.current_project_id());
  if v_project.id is null then
    perform app_hidden.raise_error(404, 'PROJECT_NOT_FOUND', 'No such project');
  end if;
  if require_project.is_whole and app_hidden.current_environment_id() is not null then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'The API key is narrowed to an environment of the project');
  end if;
  perform app_private.require_project_rank(v_project.id, require_project.minimum, require_project.permission);
  return v_project;
end
$$;
comment on function app_private.require_project(uuid, app_public.member_role, text, boolean) is
  'A project that the request sees and may act on: on the whole of it, or on a part that the caller looks at itself.';
alter function app_private.require_project(uuid, app_public.member_role, text, boolean) owner to app_system;
