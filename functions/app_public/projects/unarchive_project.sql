-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.unarchive_project(id uuid) returns app_public.projects
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  v_project := app_private.require_project(unarchive_project.id, 'developer', 'projects:write');
  update app_public.projects p
  set archived_at = null, status = case when p.status = 'archived' then 'in_progress' else p.status end
  where p.tenant_id = v_project.tenant_id and p.id = v_project.id
  returning * into v_project;
  return v_project;
end
$$;
comment on function app_public.unarchive_project(uuid) is
  'Takes an archived project into use again; its deployments that were canceled stay canceled.';
alter function app_public.unarchive_project(uuid) owner to app_system;
grant execute on function app_public.unarchive_project(uuid) to app_user;
