-- A row never changes tenant, and is born in that of the request.
select
  s.name || '.' || c.relname || '.' || a.attname as offender,
  x.privilege_type || ' is granted to app_user' as why,
  format('policies/%s/%s.sql: take tenant_id out of the grant of %s; its default fills it from the claim of the '
    'request', s.name, c.relname, lower(x.privilege_type)) as mend
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join app_private.our_schemas s on s.oid = c.relnamespace
cross join lateral aclexplode(a.attacl) x
where a.attname = 'tenant_id' and x.grantee = 'app_user'::regrole and x.privilege_type in ('INSERT', 'UPDATE')
union all
select
  t.full_name || '.tenant_id',
  'app_user may insert rows, and nothing fills it',
  format('migrations/current.sql: alter table %s alter tenant_id set default '
    'nullif(current_setting(''app.tenant_id'', true), '''')::uuid;', t.full_name)
from app_private.tenant_tables t
join pg_attribute a on a.attrelid = t.oid and a.attnum = t.tenant_attnum
where has_any_column_privilege('app_user', t.oid, 'INSERT') and not a.atthasdef
