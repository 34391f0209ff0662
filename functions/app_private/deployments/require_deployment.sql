-- Raises FH400 TENANT_REQUIRED, FH404 DEPLOYMENT_NOT_FOUND, FH403 FORBIDDEN. Lock order: environment, then deployment.
create or replace function app_private.require_deployment(
  id uuid,
  minimum app_public.member_role,
  is_locking boolean default true
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  select * into v_deployment
  from app_public.deployments d
  where d.tenant_id = app_hidden.current_tenant_id() and d.id = require_deployment.id;
  if v_deployment.id is null
    or v_deployment.project_id = any (app_hidden.hidden_project_ids())
    or (app_hidden.current_project_id() is not null and v_deployment.project_id <> app_hidden.current_project_id())
    or (app_hidden.current_environment_id() is not null
      and v_deployment.environment_id <> app_hidden.current_environment_id())
  then
    perform app_hidden.raise_error(404, 'DEPLOYMENT_NOT_FOUND', 'No such deployment');
  end if;
  perform app_private.require_project_rank(v_deployment.project_id, require_deployment.minimum, 'deployments:write');
  if require_deployment.is_locking then
    perform from app_public.project_environments e
    where e.tenant_id = v_deployment.tenant_id and e.id = v_deployment.environment_id
    for no key update;
    select * into v_deployment
    from app_public.deployments d
    where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
    for no key update;
  end if;
  return v_deployment;
end
$$;
comment on function app_private.require_deployment(uuid, app_public.member_role, boolean) is
  'A deployment that the request sees and may act on, locked behind its environment unless told otherwise.';
alter function app_private.require_deployment(uuid, app_public.member_role, boolean) owner to app_system;
