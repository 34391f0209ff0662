-- A tenant table is one whose primary key begins with tenant_id; another law sees to it that all others are listed.
with
  tenant_tables as (
    select c.oid, c.relname, c.relispartition, a.attnum as tenant_attnum
    from pg_class c
    join pg_index k on k.indrelid = c.oid and k.indisprimary
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0]
    where c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_namespace where nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions'))
  ),
  wall (expression) as (values ('(tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))')),
  -- Their rows of no tenant are for the person alone; column: who that is.
  personal (name, person) as (values ('audit.row_versions', 'subject_id'), ('app_public.audit_logs', 'user_id'))
select t.oid::regclass::text as offender, 'it has no policy tenant_isolation, or not the wall as it is written everywhere' as why
from tenant_tables t
where not t.relispartition and not exists (
  select
  from pg_policy p, wall w
  where p.polrelid = t.oid and p.polname = 'tenant_isolation' and not p.polpermissive and p.polcmd = '*'
    and array['app_user', 'freehold_worker']::regrole[]::oid[] <@ p.polroles
    and pg_get_expr(p.polqual, p.polrelid) = coalesce((
      select format('(%s OR ((tenant_id = ( SELECT app_hidden.platform_tenant_id() AS platform_tenant_id)) AND (%s = ( SELECT app_hidden.current_user_id() AS current_user_id))))',
        w.expression, s.person)
      from personal s where s.name = t.oid::regclass::text), w.expression)
    and pg_get_expr(p.polwithcheck, p.polrelid) = w.expression)
