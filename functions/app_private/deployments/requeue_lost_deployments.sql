-- Lock order: environment, then deployment; an environment that somebody else holds is left for the next time.
drop function if exists app_private.requeue_lost_deployments();

create or replace function app_private.requeue_lost_deployments(
  tenant_id uuid default null,
  deployment_id uuid default null
) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_environment record;
  v_count       integer := 0;
  v_deployment  app_public.deployments;
begin
  for v_environment in
    select distinct d.tenant_id, d.environment_id
    from app_public.deployments d
    where d.lease_expires_at < clock_timestamp()
  loop
    perform from app_public.project_environments e
    where e.tenant_id = v_environment.tenant_id and e.id = v_environment.environment_id
    for no key update skip locked;
    if found then
      v_count := v_count
        + app_private.requeue_lost_in_environment(v_environment.tenant_id, v_environment.environment_id);
    end if;
  end loop;

  -- The lease this was meant for was prolonged, or its environment was busy.
  select * into v_deployment
  from app_public.deployments d
  where d.tenant_id = requeue_lost_deployments.tenant_id and d.id = requeue_lost_deployments.deployment_id
    and d.lease_expires_at is not null;
  if found then
    perform app_private.watch_lease(v_deployment);
  end if;
  return v_count;
end
$$;
comment on function app_private.requeue_lost_deployments(uuid, uuid) is
  'Puts deployments whose runner was lost back into the queue, or fails them the sixth time; returns how many. Comes '
  'back for the one that is named while a runner holds it.';
alter function app_private.requeue_lost_deployments(uuid, uuid) owner to app_system;
grant execute on function app_private.requeue_lost_deployments(uuid, uuid) to freehold_worker;
