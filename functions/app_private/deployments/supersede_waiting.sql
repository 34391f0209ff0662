-- The caller holds the environment, so that of two requests at once the later one sees the other.
create or replace function app_private.supersede_waiting(tenant_id uuid, environment_id uuid) returns void
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  with waiting as (
    select w.id, w.approval_state, first_value(w.id) over (order by w.id desc) as newest_id,
      first_value(w.id) over (order by w.approval_state = 'pending', w.id desc) as newest_claimable_id
    from app_public.project_environments e
    join app_public.deployments w on w.tenant_id = e.tenant_id and w.environment_id = e.id
    where e.tenant_id = supersede_waiting.tenant_id and e.id = supersede_waiting.environment_id
      and e.supersedes_waiting and w.status in ('pending', 'queued') and w.rollback_of_id is null
  ), replaced as (
    -- What may be built does not give way to what still waits for its approval.
    select w.id, case when w.approval_state = 'pending' then w.newest_id else w.newest_claimable_id end as by_id
    from waiting w
  )
  update app_public.deployments d
  set status = 'superseded', status_reason = 'Deployment ' || r.by_id || ' was requested later'
  from replaced r
  where d.tenant_id = supersede_waiting.tenant_id and d.id = r.id and r.id < r.by_id
$$;
comment on function app_private.supersede_waiting(uuid, uuid) is
  'Gives up what waits for an environment when something newer waits too, unless the environment builds everything; '
  'rollbacks stay.';
alter function app_private.supersede_waiting(uuid, uuid) owner to app_system;
