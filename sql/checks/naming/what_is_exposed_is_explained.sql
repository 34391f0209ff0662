-- Comments on tables, columns, types and functions are the dictionary of the API.
with objects (offender, comment) as (
  select c.oid::regclass::text, obj_description(c.oid, 'pg_class')
  from pg_class c
  where c.relnamespace in ('app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace, 'audit'::regnamespace)
    and c.relkind in ('r', 'p', 'v', 'm')
  union all
  select c.oid::regclass::text || '.' || a.attname, col_description(c.oid, a.attnum)
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'c')
  union all
  select t.oid::regtype::text, coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'))
  from pg_type t
  left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = 'app_public'::regnamespace and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')
  union all
  select f.oid::regprocedure::text, obj_description(f.oid, 'pg_proc')
  from pg_proc f
  where f.pronamespace in ('app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace, 'audit'::regnamespace)
)
select offender, 'it has no comment' as why
from objects
where coalesce(comment, '') = ''
