-- A row never changes tenant, and is born in that of the request.
select n.nspname || '.' || c.relname || '.' || a.attname as offender, x.privilege_type || ' is granted to app_user' as why
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(a.attacl) x
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and a.attname = 'tenant_id'
  and x.grantee = 'app_user'::regrole and x.privilege_type in ('INSERT', 'UPDATE')
