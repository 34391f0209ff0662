-- A generated one is as good when it is a null test or the copy of one that is not null.
select c.oid::regclass::text || '.' || a.attname as offender, 'three answers to a yes-or-no question' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum and a.attgenerated <> ''
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and a.atttypid = 'boolean'::regtype
  and not a.attnotnull
  and not coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'IS (NOT )?NULL[)]$', false)
  and not exists (
    select from pg_attribute o
    where o.attrelid = c.oid and o.attnotnull and o.atttypid = 'boolean'::regtype and quote_ident(o.attname) = pg_get_expr(d.adbin, d.adrelid))
