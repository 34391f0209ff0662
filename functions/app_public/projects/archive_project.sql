-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.archive_project(id uuid, is_archived boolean default true) returns app_public.projects
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  v_project := app_private.require_project(archive_project.id, 'developer', 'projects:write');
  update app_public.projects p
  set archived_at = case when archive_project.is_archived then coalesce(p.archived_at, now()) end,
    status = case when archive_project.is_archived then 'archived' when p.status = 'archived' then 'in_progress' else p.status end
  where p.tenant_id = v_project.tenant_id and p.id = v_project.id
  returning * into v_project;
  if archive_project.is_archived then
    update app_public.deployments d set status = 'canceled', status_reason = 'The project was archived'
    where d.tenant_id = v_project.tenant_id and d.project_id = v_project.id and d.status in ('pending', 'queued');
  end if;
  return v_project;
end
$$;
comment on function app_public.archive_project(uuid, boolean) is 'Puts a project away, or takes it out again; an archived project takes no deployments, and those that waited are canceled.';
alter function app_public.archive_project(uuid, boolean) owner to app_system;
grant execute on function app_public.archive_project(uuid, boolean) to app_user;
