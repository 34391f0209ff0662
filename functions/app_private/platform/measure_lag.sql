-- What waits for others, how long already, and from when on somebody should look: no transaction of ours is open for
-- longer than five minutes (sql/bootstrap/roles.sql), and by then the seals, which follow a minute later, are no
-- further behind than ten.
create or replace function app_private.measure_lag()
  returns table (name text, seconds double precision, limit_seconds integer, detail text)
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  with
    -- What holds back vacuum here, or seals, which wait for whatever writes in the cluster.
    transactions as (
      select a.xact_start as since,
        format('process %s, %s of %s in %s, %s',
          a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), a.usename, a.datname, a.state) as holder
      from pg_stat_activity a
      where a.pid <> pg_backend_pid() and a.xact_start is not null
        and (a.backend_xid is not null or (a.backend_xmin is not null and a.datname = current_database()))
        and a.backend_type <> 'autovacuum worker'
      union all
      select p.prepared, format('prepared transaction %s of %s in %s', p.gid, p.owner, p.database)
      from pg_prepared_xacts p
    ),
    lags (name, since, detail) as (
      (select 'transaction', t.since, t.holder from transactions t order by t.since limit 1)
      union all
      (select 'outbox', q.created_at, 'event ' || q.event_id
      from app_private.undispatched_events q
      where q.position > coalesce((
        select h.settled from app_private.horizons h where h.name = 'events' order by h.mark desc limit 1), 0)
      order by q.position limit 1)
      union all
      (select 'seals', to_timestamp(h.settled / 1000000.0), null
      from app_private.horizons h where h.name = 'seals' order by h.mark desc limit 1)
    )
  select n.name, greatest(coalesce(extract(epoch from clock_timestamp() - l.since), 0), 0)::double precision,
    n.limit_seconds, l.detail
  from (values ('transaction', 300), ('outbox', 60), ('seals', 600)) n (name, limit_seconds)
  left join lags l on l.name = n.name
  order by n.name
$$;
comment on function app_private.measure_lag() is
  'Seconds since the oldest open transaction began, since the oldest event that waits was recorded, and since the '
  'moment up to which the ledger is sealed; when each is too long, and whose it is.';
alter function app_private.measure_lag() owner to app_system;
grant execute on function app_private.measure_lag() to freehold_authenticator, freehold_worker;
