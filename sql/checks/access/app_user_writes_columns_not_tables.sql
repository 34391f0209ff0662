-- A grant on the whole table would open every column that is added later.
select n.nspname || '.' || c.relname as offender, x.privilege_type || ' on the whole table is granted to app_user: list the columns' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) x
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and x.grantee = 'app_user'::regrole and x.privilege_type not in ('SELECT', 'DELETE')
