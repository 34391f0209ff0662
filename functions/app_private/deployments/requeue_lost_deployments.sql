create or replace function app_private.requeue_lost_deployments() returns integer
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
    where d.lease_expires_at < clock_timestamp() and d.status in ('building', 'deploying')
    for no key update skip locked
  loop
    update app_public.deployments d
    set status = case when d.restart_count >= 5 then 'failed' else 'queued' end::app_public.deployment_status,
      status_reason = 'The lease of its runner expired',
      error_message = case when d.restart_count >= 5 then 'Its runner was lost six times' else d.error_message end,
      restart_count = d.restart_count + 1
    where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function app_private.requeue_lost_deployments() is
  'Puts deployments whose runner was lost back into the queue, or fails them the sixth time; returns how many.';
alter function app_private.requeue_lost_deployments() owner to app_system;
grant execute on function app_private.requeue_lost_deployments() to freehold_worker;
