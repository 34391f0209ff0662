-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
drop function if exists app_public.archive_project(uuid, boolean);

create or replace function app_public.archive_project(id uuid) returns app_public.projects
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  v_project := app_private.require_project(archive_project.id, 'developer', 'projects:write');
  -- Environment before deployment, as everybody locks them.
  perform from app_public.project_environments e
  where e.tenant_id = v_project.tenant_id and e.project_id = v_project.id
  order by e.id
  for no key update;
  update app_public.projects p set archived_at = coalesce(p.archived_at, now()), status = 'archived'
  where p.tenant_id = v_project.tenant_id and p.id = v_project.id
  returning * into v_project;
  update app_public.deployments d set status = 'canceled', status_reason = 'The project was archived'
  where d.tenant_id = v_project.tenant_id and d.project_id = v_project.id and d.status in ('pending', 'queued');
  return v_project;
end
$$;
comment on function app_public.archive_project(uuid) is
  'Puts a project away: it takes no deployments, and those that waited are canceled.';
alter function app_public.archive_project(uuid) owner to app_system;
grant execute on function app_public.archive_project(uuid) to app_user;
