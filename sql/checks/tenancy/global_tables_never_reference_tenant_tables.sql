-- A tenant table is one whose primary key begins with tenant_id; another law sees to it that all others are listed.
with
  tenant_tables as (
    select c.oid, c.relname, c.relispartition, a.attnum as tenant_attnum
    from pg_class c
    join pg_index k on k.indrelid = c.oid and k.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0]
    where c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_namespace where nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions'))
  )
select f.conrelid::regclass::text || '.' || f.conname as offender, 'a global row would hang on a row of a tenant' as why
from pg_constraint f
join tenant_tables r on r.oid = f.confrelid
where f.contype = 'f' and f.conrelid not in (select oid from tenant_tables)
