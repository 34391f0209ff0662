-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH403 FORBIDDEN.
create or replace function app_public.claim_deployment(
  runner text,
  environments text[] default null,
  lease_seconds integer default 60
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id  uuid;
  v_hidden     uuid[];
  v_apart      uuid[];
  v_deployment app_public.deployments;
begin
  v_tenant_id := app_private.require_role('developer', 'deployments:write', is_anywhere => true);
  if coalesce(length(claim_deployment.runner), 0) not between 1 and 255
    or coalesce(claim_deployment.lease_seconds, 0) not between 5 and 3600
  then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT',
      'A runner has a name of 1 to 255 characters and a lease 5 to 3600 seconds');
  end if;
  v_hidden := app_hidden.hidden_project_ids();
  v_apart := app_hidden.project_ids_apart('developer');

  select d.* into v_deployment
  from app_public.deployments d
  join app_public.project_environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
  where d.tenant_id = v_tenant_id
    -- What lost six runners is left to requeue_lost_deployments, which fails it.
    and (d.status in ('pending', 'queued')
      or (d.status in ('building', 'deploying') and d.lease_expires_at < clock_timestamp() and d.restart_count < 5))
    and d.approval_state in ('not_required', 'approved')
    and (claim_deployment.environments is null or e.name = any (claim_deployment.environments))
    and d.project_id <> all (v_hidden)
    and app_hidden.has_role('developer') <> (d.project_id = any (v_apart))
    and (app_hidden.current_project_id() is null or d.project_id = app_hidden.current_project_id())
    and (app_hidden.current_environment_id() is null or d.environment_id = app_hidden.current_environment_id())
  order by d.id
  limit 1
  for no key update of d skip locked;
  if v_deployment.id is null then
    return null;
  end if;

  if v_deployment.status in ('building', 'deploying') then
    update app_public.deployments d
    set status = 'queued', status_reason = 'The lease of its runner expired', restart_count = d.restart_count + 1
    where d.tenant_id = v_tenant_id and d.id = v_deployment.id;
  end if;
  update app_public.deployments d
  set status = 'building', status_reason = null, runner = claim_deployment.runner, heartbeat_at = clock_timestamp(),
    lease_expires_at = clock_timestamp() + make_interval(secs => claim_deployment.lease_seconds)
  where d.tenant_id = v_tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  return v_deployment;
end
$$;
comment on function app_public.claim_deployment(text, text[], integer) is
  'Gives a runner the oldest deployment that waits, or whose runner was lost, and moves it to building; null when '
  'there is none. Name environments to take only theirs. Keep the lease with heartbeat_deployment.';
alter function app_public.claim_deployment(text, text[], integer) owner to app_system;
grant execute on function app_public.claim_deployment(text, text[], integer) to app_user;
