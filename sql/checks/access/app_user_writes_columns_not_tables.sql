-- A grant on the whole table would open every column that is added later.
select
  s.name || '.' || c.relname as offender,
  x.privilege_type || ' on the whole table is granted to app_user: list the columns' as why,
  format('policies/%1$s/%2$s.sql: grant %3$s (<the columns a person may write>) on %1$s.%2$s to app_user;',
    s.name, c.relname, lower(x.privilege_type)) as mend
from pg_class c
join app_private.our_schemas s on s.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) x
where x.grantee = 'app_user'::regrole and x.privilege_type not in ('SELECT', 'DELETE')
