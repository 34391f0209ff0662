-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH409 LEASE_LOST,
-- FH422 DEPLOYMENT_TRANSITION_NOT_ALLOWED or APPROVAL_PENDING.
create or replace function app_public.transition_deployment(
  id uuid,
  status app_public.deployment_status,
  reason text default null,
  url text default null,
  error_message text default null,
  external_id text default null,
  provider text default null,
  runner text default null
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  v_deployment := app_private.require_deployment(transition_deployment.id, 'developer');
  if transition_deployment.runner is not null then
    perform app_private.require_lease(v_deployment, transition_deployment.runner);
  end if;
  if transition_deployment.status is null
    or transition_deployment.status in ('pending', 'queued', 'rolled_back', 'superseded')
  then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_TRANSITION_NOT_ALLOWED',
      'The platform alone moves a deployment there',
      jsonb_build_object('from', v_deployment.status, 'to', transition_deployment.status));
  elsif transition_deployment.status = v_deployment.status then
    -- A retry of a move that was made.
    return v_deployment;
  end if;
  update app_public.deployments d
  set status = transition_deployment.status,
    status_reason = transition_deployment.reason,
    deployment_url = coalesce(transition_deployment.url, d.deployment_url),
    error_message = coalesce(transition_deployment.error_message, d.error_message),
    provider = coalesce(transition_deployment.provider, d.provider),
    external_id = coalesce(transition_deployment.external_id, d.external_id),
    canceled_by =
      case when transition_deployment.status = 'canceled' then app_hidden.current_user_id() else d.canceled_by end
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  return v_deployment;
end
$$;
comment on function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text) is
  'Moves a deployment along the state machine. A runner that gives its name is refused when it lost its lease; '
  'moving to the status it has changes nothing.';
alter function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text)
  owner to app_system;
grant execute on function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text)
  to app_user;
