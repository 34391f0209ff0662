-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.delete_project(id uuid) returns app_public.projects
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_project app_public.projects;
begin
  -- From member up, for the owner may act through a key that only reads.
  v_project := app_private.require_project(delete_project.id, 'member', 'projects:write');
  if app_hidden.project_rank(v_project.id) < 'admin'
    and v_project.owner_id is distinct from app_hidden.current_user_id()
  then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only its owner or an admin can delete a project',
      '{"required": "admin"}');
  end if;
  -- Environment before deployment, as everybody locks them.
  perform from app_public.project_environments e
  where e.tenant_id = v_project.tenant_id and e.project_id = v_project.id
  order by e.id
  for no key update;
  update app_public.deployments d set status = 'canceled', status_reason = 'The project was deleted'
  where d.tenant_id = v_project.tenant_id and d.project_id = v_project.id
    and d.status in ('pending', 'queued', 'building', 'deploying');
  -- Name and slug are free again, being unique among those that are not deleted; the row stays until retention purges
  -- it.
  update app_public.projects p set deleted_at = now()
  where p.tenant_id = v_project.tenant_id and p.id = v_project.id
  returning * into v_project;
  perform app_private.record_event('project.deleted', v_project.tenant_id, 'project', v_project.id, v_project.id);
  return v_project;
end
$$;
comment on function app_public.delete_project(uuid) is
  'Deletes a project: it and all below it vanish from the API, its unfinished deployments are canceled.';
alter function app_public.delete_project(uuid) owner to app_system;
grant execute on function app_public.delete_project(uuid) to app_user;
