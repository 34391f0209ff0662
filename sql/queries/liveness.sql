/* @name UnlockDeadPools */
-- When the server itself has just come back, the living have not yet had the time to show themselves.
with holders as materialized (
  select distinct j.locked_by as pool_id from graphile_worker.jobs j where j.locked_by like 'pool-%'
), dead as materialized (
  select array_agg(h.pool_id) as pool_ids
  from holders h
  where pg_try_advisory_xact_lock(:lock!, hashtext(h.pool_id))
)
select d.pool_ids as "poolIds!", graphile_worker.force_unlock_workers(d.pool_ids)
from dead d
where d.pool_ids is not null and pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :graceSeconds!);
