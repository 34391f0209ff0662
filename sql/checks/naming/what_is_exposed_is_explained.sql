-- Comments on tables, columns, types and functions are the dictionary of the API.
with objects (kind, offender, place, comment) as (
  select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, c.oid::regclass::text,
    case c.relkind when 'v' then format('sql/views/%s/%s.sql', s.name, c.relname) else 'migrations/current.sql' end,
    obj_description(c.oid, 'pg_class')
  from pg_class c
  join app_private.our_schemas s on s.oid = c.relnamespace
  where s.name <> 'partitions' and c.relkind in ('r', 'p', 'v', 'm')
  union all
  select 'column', c.oid::regclass::text || '.' || a.attname,
    case c.relkind when 'v' then format('sql/views/app_public/%s.sql', c.relname) else 'migrations/current.sql' end,
    col_description(c.oid, a.attnum)
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'c')
  union all
  select 'type', t.oid::regtype::text, 'migrations/current.sql',
    coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'))
  from pg_type t
  left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = 'app_public'::regnamespace and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
  union all
  select 'function', f.oid::regprocedure::text, format('functions/%s/…/%s.sql', s.name, f.proname),
    obj_description(f.oid, 'pg_proc')
  from pg_proc f
  join app_private.our_schemas s on s.oid = f.pronamespace
  where s.name <> 'partitions'
)
select
  offender,
  'it has no comment' as why,
  format('%s: comment on %s %s is ''<what it is, and what null means>.'';', place, kind, offender) as mend
from objects
where coalesce(comment, '') = ''
