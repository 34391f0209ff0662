-- A tenant table is one whose primary key begins with tenant_id; another law sees to it that all others are listed.
with
  tenant_tables as (
    select c.oid, c.relname, c.relispartition, a.attnum as tenant_attnum
    from pg_class c
    join pg_index k on k.indrelid = c.oid and k.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0]
    where c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_namespace where nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions'))
  )
select t.oid::regclass::text as offender, 'it can be updated, and no trigger _200_keep_identity keeps tenant_id and id' as why
from tenant_tables t
where not t.relispartition
  and exists (select from pg_attribute a where a.attrelid = t.oid and a.attname = 'id' and not a.attisdropped)
  and (has_any_column_privilege('app_user', t.oid, 'update') or has_any_column_privilege('freehold_worker', t.oid, 'update'))
  and not exists (
    select from pg_trigger g
    where g.tgrelid = t.oid and g.tgname = '_200_keep_identity' and g.tgenabled = 'O'
      and g.tgfoid = 'app_private.tg__keep_identity()'::regprocedure)
