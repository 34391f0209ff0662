-- A generated one is as good when it is a null test or the copy of one that is not null.
select
  t.full_name || '.' || a.attname as offender,
  'three answers to a yes-or-no question' as why,
  format('migrations/current.sql: alter table %1$s alter column %2$I set not null; with a default for rows that are '
    'there, update %1$s set %2$I = … where %2$I is null;', t.full_name, a.attname) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum and a.attgenerated <> ''
where a.atttypid = 'boolean'::regtype
  and not a.attnotnull
  and not coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'IS (NOT )?NULL[)]$', false)
  and not exists (
    select from pg_attribute o
    where o.attrelid = t.oid and o.attnotnull and o.atttypid = 'boolean'::regtype
      and quote_ident(o.attname) = pg_get_expr(d.adbin, d.adrelid))
