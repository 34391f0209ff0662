-- The caller holds the environment.
create or replace function app_private.requeue_lost_in_environment(tenant_id uuid, environment_id uuid) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
  v_count      integer := 0;
begin
  for v_deployment in
    select *
    from app_public.deployments d
    where d.tenant_id = requeue_lost_in_environment.tenant_id
      and d.environment_id = requeue_lost_in_environment.environment_id
      and d.status in ('building', 'deploying')
      -- Without a lease: told of by somebody who never claimed it, before leases had tokens.
      and (d.lease_expires_at < clock_timestamp() or d.lease_expires_at is null)
    order by d.id
    for no key update
  loop
    update app_public.deployments d
    set status = case when d.restart_count >= 5 then 'failed' else 'queued' end::app_public.deployment_status,
      status_reason = 'The lease of its runner expired',
      error_message = case when d.restart_count >= 5 then 'Its runner was lost six times' else d.error_message end,
      restart_count = d.restart_count + 1
    where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id;
    v_count := v_count + 1;
  end loop;
  if v_count > 0 then
    perform app_private.supersede_waiting(
      requeue_lost_in_environment.tenant_id, requeue_lost_in_environment.environment_id);
  end if;
  return v_count;
end
$$;
comment on function app_private.requeue_lost_in_environment(uuid, uuid) is
  'Puts deployments whose runner was lost back into the queue, or fails them the sixth time; returns how many.';
alter function app_private.requeue_lost_in_environment(uuid, uuid) owner to app_system;
