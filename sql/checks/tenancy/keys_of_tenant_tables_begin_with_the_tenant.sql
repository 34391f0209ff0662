-- A tenant table is one whose primary key begins with tenant_id; another law sees to it that all others are listed.
with
  tenant_tables as (
    select c.oid, c.relname, c.relispartition, a.attnum as tenant_attnum
    from pg_class c
    join pg_index k on k.indrelid = c.oid and k.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0]
    where c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_namespace where nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions'))
  )
select i.indexrelid::regclass::text as offender,
  'it makes something unique beyond its tenant; what must be unique on the platform lives in a directory' as why
from tenant_tables t
join pg_index i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
where i.indkey[0] <> t.tenant_attnum
