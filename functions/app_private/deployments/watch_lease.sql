create or replace function app_private.watch_lease(deployment app_public.deployments) returns void
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select app_private.add_job('deployments__requeue',
    json_build_object('tenantId', (watch_lease.deployment).tenant_id, 'deploymentId', (watch_lease.deployment).id),
    'lease:' || (watch_lease.deployment).id,
    greatest((watch_lease.deployment).lease_expires_at, clock_timestamp() + interval '1 second'))
$$;
comment on function app_private.watch_lease(app_public.deployments) is
  'Has the worker look at a deployment when its lease expires, so that whoever waits for work hears of it then.';
alter function app_private.watch_lease(app_public.deployments) owner to app_system;
