with excused (name, reason) as (values
  ('app_private.audit_event_ids', 'its ids are those that daemons gave their events')
)
select
  t.full_name || '.id' as offender,
  'an id is uuid not null default uuidv7()' as why,
  format('migrations/current.sql: alter table %s alter column id set default uuidv7(); and type and not null with it',
    t.full_name) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attname = 'id' and not a.attisdropped
left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
where t.full_name not in (select name from excused)
  and not (a.atttypid = 'uuid'::regtype and a.attnotnull and pg_get_expr(d.adbin, d.adrelid) = 'uuidv7()') is true
