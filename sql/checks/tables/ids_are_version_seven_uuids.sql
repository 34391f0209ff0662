select c.oid::regclass::text || '.id' as offender, 'an id is uuid not null default uuidv7()' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'id' and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p')
  -- Its ids are those that daemons gave their events.
  and c.oid <> 'app_private.audit_event_ids'::regclass and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and not (a.atttypid = 'uuid'::regtype and a.attnotnull and pg_get_expr(d.adbin, d.adrelid) = 'uuidv7()') is true
