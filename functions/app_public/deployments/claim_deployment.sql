-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND.
-- Lock order: environment, then deployment. Who holds the environment alone counts and takes what waits for it; only
-- for the first is waited, while nothing is held, so that two claims never wait for each other.
drop function if exists app_public.claim_deployment(text, text[], integer);

create or replace function app_public.claim_deployment(
  runner text,
  environments text[] default null,
  lease_seconds integer default 60,
  deployment_id uuid default null
) returns app_public.claimed_deployment
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id      uuid;
  v_environment_id uuid;
  v_seen           uuid[] := '{}';
  v_deployment     app_public.deployments;
  v_token          text := app_private.random_token('fh_lease_');
begin
  -- Null is as if nothing were said.
  claim_deployment.lease_seconds := coalesce(claim_deployment.lease_seconds, 60);
  v_tenant_id := app_private.require_role('developer', 'deployments:write', is_anywhere => true);
  if coalesce(length(claim_deployment.runner), 0) not between 1 and 255
    or claim_deployment.lease_seconds not between 5 and 3600
  then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT',
      'A runner has a name of 1 to 255 characters and a lease 5 to 3600 seconds');
  end if;
  if claim_deployment.deployment_id is not null then
    perform app_private.require_deployment(claim_deployment.deployment_id, 'developer', false);
  end if;

  loop
    select c.environment_id into v_environment_id
    from app_hidden.claimable_deployments(claim_deployment.environments, claim_deployment.deployment_id) c
    where c.environment_id <> all (v_seen)
    limit 1;
    if not found then
      return null;
    end if;
    if v_seen = '{}' then
      perform from app_public.project_environments e
      where e.tenant_id = v_tenant_id and e.id = v_environment_id
      for no key update;
    else
      perform from app_public.project_environments e
      where e.tenant_id = v_tenant_id and e.id = v_environment_id
      for no key update skip locked;
    end if;
    v_seen := v_seen || v_environment_id;
    continue when not found;
    -- Looked at again, now that nobody else can claim or request here.
    perform app_private.requeue_lost_in_environment(v_tenant_id, v_environment_id);
    update app_public.deployments d
    set status = 'building', status_reason = null, runner = claim_deployment.runner, heartbeat_at = clock_timestamp(),
      lease_expires_at = clock_timestamp() + make_interval(secs => claim_deployment.lease_seconds)
    where d.tenant_id = v_tenant_id and d.id = (
      select c.id
      from app_hidden.claimable_deployments(claim_deployment.environments, claim_deployment.deployment_id) c
      where c.environment_id = v_environment_id
      limit 1)
      and d.status in ('pending', 'queued')
    returning * into v_deployment;
    exit when found;
  end loop;

  insert into app_private.deployment_leases as l (tenant_id, deployment_id, token_hash)
  values (v_tenant_id, v_deployment.id, app_private.hash_token(v_token))
  on conflict on constraint deployment_leases_pkey do update
    set token_hash = excluded.token_hash, claimed_at = excluded.claimed_at;
  perform app_private.watch_lease(v_deployment);
  return row(v_deployment.id, v_token, v_deployment.lease_expires_at)::app_public.claimed_deployment;
end
$$;
comment on function app_public.claim_deployment(text, text[], integer, uuid) is
  'Gives a runner the oldest deployment that waits, or whose runner was lost, and moves it to building; null when '
  'there is none to have now. Name environments to take only theirs, or one deployment. The lease token in the answer '
  'goes with everything the runner says of the deployment; if the answer is lost, the lease runs out and the '
  'deployment goes back to the queue. Keep the lease with heartbeat_deployment.';
alter function app_public.claim_deployment(text, text[], integer, uuid) owner to app_system;
grant execute on function app_public.claim_deployment(text, text[], integer, uuid) to app_user;
