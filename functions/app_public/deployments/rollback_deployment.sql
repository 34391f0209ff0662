-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND or ENVIRONMENT_NOT_FOUND,
-- FH422 NOTHING_TO_ROLL_BACK_TO, DEPLOYMENT_NOT_CURRENT, ENVIRONMENT_INACTIVE or PROJECT_ARCHIVED.
create or replace function app_public.rollback_deployment(
  id uuid default null,
  to_deployment_id uuid default null
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_bad  app_public.deployments;
  v_good app_public.deployments;
  v_new  app_public.deployments;
  v_from app_public.deployments;
begin
  if rollback_deployment.id is null and rollback_deployment.to_deployment_id is null then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'Say which deployment to take back, or which to go back to');
  end if;
  if rollback_deployment.id is not null then
    v_bad := app_private.require_deployment(rollback_deployment.id, 'developer');
  end if;
  if rollback_deployment.to_deployment_id is not null then
    v_good := app_private.require_deployment(rollback_deployment.to_deployment_id, 'developer');
    if v_bad.id is null then
      select * into v_bad
      from app_public.deployments d
      where d.tenant_id = v_good.tenant_id and d.project_id = v_good.project_id
        and d.environment_id = v_good.environment_id and d.is_current;
    end if;
  else
    -- A rollback stands where that which it brought back stood: taking it back too goes one further.
    select * into v_from
    from app_public.deployments d
    where d.tenant_id = v_bad.tenant_id and d.id = coalesce(v_bad.source_deployment_id, v_bad.id);
    select * into v_good
    from app_public.deployments d
    where d.tenant_id = v_bad.tenant_id and d.project_id = v_bad.project_id and d.environment_id = v_bad.environment_id
      and d.promoted_at < v_from.promoted_at and d.status not in ('rolled_back', 'failed')
    order by d.promoted_at desc
    limit 1;
  end if;
  if v_bad.id is null or v_good.id is null or v_good.id = v_bad.id or v_good.promoted_at is null
    or v_good.environment_id <> v_bad.environment_id
  then
    perform app_hidden.raise_error(422, 'NOTHING_TO_ROLL_BACK_TO',
      'There is no earlier deployment of that environment to go back to');
  elsif not v_bad.is_current then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_NOT_CURRENT', 'Only the current deployment can be taken back');
  end if;

  v_new.tenant_id := v_good.tenant_id;
  v_new.project_id := v_good.project_id;
  v_new.environment_id := v_good.environment_id;
  v_new.version := v_good.version;
  v_new.commit_sha := v_good.commit_sha;
  v_new.ref := v_good.ref;
  v_new.repo_url := v_good.repo_url;
  v_new.config_snapshot := v_good.config_snapshot;
  v_new.rollback_of_id := v_bad.id;
  v_new.source_deployment_id := coalesce(v_good.source_deployment_id, v_good.id);
  return app_private.insert_deployment(v_new, null);
end
$$;
comment on function app_public.rollback_deployment(uuid, uuid) is
  'Requests the deployment again that was current before id, or the one given by to_deployment_id; taking back a '
  'rollback goes back one further than it did. The bad one '
  'becomes rolled_back at the moment the new one succeeds, and serves until then.';
alter function app_public.rollback_deployment(uuid, uuid) owner to app_system;
grant execute on function app_public.rollback_deployment(uuid, uuid) to app_user;
