-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND or ENVIRONMENT_NOT_FOUND,
-- FH422 DEPLOYMENT_NOT_SUCCESSFUL, ENVIRONMENT_INACTIVE or PROJECT_ARCHIVED.
create or replace function app_public.promote_deployment(id uuid, environment text default 'production')
  returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_from app_public.deployments;
  v_new  app_public.deployments;
begin
  v_from := app_private.require_deployment(promote_deployment.id, 'developer', false);
  if v_from.completed_at is null or v_from.status in ('failed', 'canceled', 'rolled_back') then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_NOT_SUCCESSFUL',
      'Only a deployment that succeeded can be promoted');
  end if;
  v_new.tenant_id := v_from.tenant_id;
  v_new.project_id := v_from.project_id;
  v_new.version := v_from.version;
  v_new.commit_sha := v_from.commit_sha;
  v_new.ref := v_from.ref;
  v_new.repo_url := v_from.repo_url;
  v_new.config_snapshot := v_from.config_snapshot;
  v_new.promoted_from_id := v_from.id;
  return app_private.insert_deployment(v_new, promote_deployment.environment);
end
$$;
comment on function app_public.promote_deployment(uuid, text) is
  'Requests a deployment that succeeded in one environment for another.';
alter function app_public.promote_deployment(uuid, text) owner to app_system;
grant execute on function app_public.promote_deployment(uuid, text) to app_user;
