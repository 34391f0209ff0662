-- Lock order: environment, then deployment. What waited for the environment gives way to the new one.
-- Raises FH404 ENVIRONMENT_NOT_FOUND, FH422 ENVIRONMENT_INACTIVE or PROJECT_ARCHIVED.
create or replace function app_private.insert_deployment(
  deployment app_public.deployments,
  environment_name text
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_new         app_public.deployments := insert_deployment.deployment;
  v_environment app_public.project_environments;
  v_project     app_public.projects;
begin
  select * into v_environment
  from app_public.project_environments e
  where e.tenant_id = v_new.tenant_id and e.project_id = v_new.project_id
    and (e.id = v_new.environment_id or (v_new.environment_id is null and e.name = insert_deployment.environment_name))
    and e.deleted_at is null
  for no key update;
  if v_environment.id is null
    or (app_hidden.current_environment_id() is not null and v_environment.id <> app_hidden.current_environment_id())
  then
    perform app_hidden.raise_error(404, 'ENVIRONMENT_NOT_FOUND', 'No such environment');
  elsif not v_environment.is_active then
    perform app_hidden.raise_error(422, 'ENVIRONMENT_INACTIVE', 'The environment takes no deployments');
  end if;
  select * into v_project
  from app_public.projects p
  where p.tenant_id = v_new.tenant_id and p.id = v_new.project_id;
  if v_project.archived_at is not null then
    perform app_hidden.raise_error(422, 'PROJECT_ARCHIVED', 'The project is archived');
  end if;

  insert into app_public.deployments (
    tenant_id, project_id, environment_id, environment, approval_state, version, commit_sha, ref, repo_url,
    config_snapshot, deployed_by, triggered_by_type, previous_deployment_id, rollback_of_id, source_deployment_id,
    promoted_from_id, request_id, idempotency_key)
  values (
    v_new.tenant_id, v_new.project_id, v_environment.id, v_environment.type,
    case when v_environment.requires_approval then 'pending' else 'not_required' end::app_public.approval_state,
    v_new.version, v_new.commit_sha, v_new.ref, coalesce(v_new.repo_url, v_project.repository_url),
    coalesce(v_new.config_snapshot, '{}'), app_hidden.current_user_id(), app_hidden.current_actor_type(),
    (select d.id from app_public.deployments d
      where d.tenant_id = v_new.tenant_id and d.project_id = v_new.project_id
        and d.environment_id = v_environment.id and d.is_current),
    v_new.rollback_of_id, v_new.source_deployment_id, v_new.promoted_from_id,
    app_hidden.current_request_id(), v_new.idempotency_key)
  returning * into v_new;
  if v_new.rollback_of_id is null then
    perform app_private.supersede_waiting(v_new.tenant_id, v_new.environment_id);
  end if;
  return v_new;
end
$$;
comment on function app_private.insert_deployment(app_public.deployments, text) is
  'The one way a deployment comes to be; the caller has checked who asks.';
alter function app_private.insert_deployment(app_public.deployments, text) owner to app_system;
