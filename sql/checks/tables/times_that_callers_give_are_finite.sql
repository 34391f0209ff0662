-- infinity is a time to PostgreSQL, and to nobody who reads it.
with
  excused (name, reason) as (values
    ('revert.since',                         'it is only compared with'),
    ('preview_revert.since',                 'it is only compared with'),
    ('create_api_key.expires_at',            'api_keys_expires_at_finite_check'),
    ('rotate_api_key.grace',                 'the function has bounds for it'),
    ('rotate_webhook_source_secret.grace',   'the function has bounds for it'),
    ('log_line.timestamp',                   'deployment_logs_timestamp_finite_check')
  ),
  given as (
    select f.proname || '.' || a.name as name
    from pg_proc f
    cross join lateral unnest(f.proargtypes::oid[], f.proargnames[1:f.pronargs]) a (type, name)
    where f.pronamespace = 'app_public'::regnamespace and f.provolatile = 'v'
      and a.type in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype, 'interval'::regtype)
    union
    select c.relname || '.' || a.attname
    from pg_proc f
    cross join lateral unnest(f.proargtypes::oid[]) p (type)
    join pg_type t on t.oid = p.type
    join pg_type e on e.oid = case when t.typelem <> 0 then t.typelem else t.oid end and e.typtype = 'c'
    join pg_class c on c.oid = e.typrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where f.pronamespace = 'app_public'::regnamespace and f.provolatile = 'v' and c.relkind = 'c'
      and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype, 'interval'::regtype)
    union
    select t.name || '.' || a.attname
    from app_private.our_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    where t.schema = 'app_public'
      and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype, 'interval'::regtype)
      and (has_column_privilege('app_user', t.oid, a.attnum, 'insert')
        or has_column_privilege('app_user', t.oid, a.attnum, 'update'))
      and not exists (
        select from pg_constraint k
        where k.conrelid = t.oid and k.conname = t.name || '_' || a.attname || '_finite_check')
  )
select
  g.name as offender,
  'a caller may say infinity' as why,
  'give the column where it ends a check <table>_<column>_finite_check, and list it with that in '
    'sql/checks/tables/times_that_callers_give_are_finite.sql' as mend
from given g
where g.name not in (select name from excused)
union all
select
  e.name,
  format('it is excused by %s, which is not there', e.reason),
  'give the column its check again'
from excused e
where e.reason like '%\_finite\_check'
  and not exists (select from pg_constraint k where k.conname = e.reason and k.contype = 'c')
