-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.delete_environment(id uuid) returns app_public.project_environments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project_id  uuid;
  v_project     app_public.projects;
  v_environment app_public.project_environments;
begin
  select e.project_id into v_project_id
  from app_public.project_environments e
  where e.tenant_id = app_hidden.current_tenant_id() and e.id = delete_environment.id and e.deleted_at is null
    and (app_hidden.current_environment_id() is null or e.id = app_hidden.current_environment_id());
  v_project := app_private.require_project(v_project_id, 'developer', 'environments:write', is_whole => false);
  update app_public.project_environments e set deleted_at = now(), is_active = false
  where e.tenant_id = v_project.tenant_id and e.id = delete_environment.id
  returning * into v_environment;
  update app_public.deployments d set status = 'canceled', status_reason = 'The environment was deleted'
  where d.tenant_id = v_environment.tenant_id and d.project_id = v_environment.project_id
    and d.environment_id = v_environment.id and d.status in ('pending', 'queued', 'building', 'deploying');
  return v_environment;
end
$$;
comment on function app_public.delete_environment(uuid) is
  'Deletes an environment; its unfinished deployments are canceled, its history stays.';
alter function app_public.delete_environment(uuid) owner to app_system;
grant execute on function app_public.delete_environment(uuid) to app_user;
