/* @name IsSuperuser */
select r.rolsuper as "isSuperuser!" from pg_roles r where r.rolname = current_user;

/* @name FindVersionColumns */
-- Quoted, in order.
select quote_ident(a.attname) as "name!"
from pg_attribute a
where a.attrelid = 'audit.row_versions'::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum;

/* @name FindDetachedVersions */
-- Partitions of the ledger that hang under no parent any more.
select c.oid::regclass::text as "name!"
from pg_class c
where c.relnamespace = 'partitions'::regnamespace and c.relkind = 'r' and c.relname like 'row\_versions\_p%'
  and not c.relispartition;
