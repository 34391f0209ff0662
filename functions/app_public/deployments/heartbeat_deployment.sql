-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH409 LEASE_LOST.
drop function if exists app_public.heartbeat_deployment(uuid, text, integer);

create or replace function app_public.heartbeat_deployment(
  id uuid,
  lease_token text,
  lease_seconds integer default 60
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
  v_expires_at timestamptz;
begin
  -- Null is as if nothing were said.
  heartbeat_deployment.lease_seconds := coalesce(heartbeat_deployment.lease_seconds, 60);
  if heartbeat_deployment.lease_seconds not between 5 and 3600 then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'A lease is 5 to 3600 seconds');
  end if;
  perform app_private.require_deployment(heartbeat_deployment.id, 'developer', false);
  select * into v_deployment
  from app_public.deployments d
  where d.tenant_id = app_hidden.current_tenant_id() and d.id = heartbeat_deployment.id
  for no key update;
  perform app_private.require_lease(v_deployment, heartbeat_deployment.lease_token);
  v_expires_at := v_deployment.lease_expires_at;
  update app_public.deployments d
  set heartbeat_at = clock_timestamp(),
    lease_expires_at = clock_timestamp() + make_interval(secs => heartbeat_deployment.lease_seconds)
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  -- A longer lease needs no second job: the first one comes back when it finds the lease prolonged.
  if v_deployment.lease_expires_at < v_expires_at then
    perform app_private.watch_lease(v_deployment);
  end if;
  return v_deployment;
end
$$;
comment on function app_public.heartbeat_deployment(uuid, text, integer) is
  'Prolongs the lease whose token is given, from now. Without it the deployment goes back to the queue.';
alter function app_public.heartbeat_deployment(uuid, text, integer) owner to app_system;
grant execute on function app_public.heartbeat_deployment(uuid, text, integer) to app_user;
