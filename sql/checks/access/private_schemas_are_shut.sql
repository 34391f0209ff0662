-- Excused: what app_user reads under its own policies, through views that ask as their reader.
with excused (name, privilege, reason) as (values
  ('audit',              'USAGE',  'the views of the history read as their reader'),
  ('audit.row_versions', 'SELECT', 'the views of the history read as their reader'),
  ('audit.seals',        'SELECT', 'an admin may keep the seals of the tenant')
)
select n.nspname as offender, x.privilege_type || ' is granted to ' || case x.grantee when 0 then 'public' else x.grantee::regrole::text end as why
from pg_namespace n
cross join lateral aclexplode(n.nspacl) x
where n.nspname in ('app_private', 'audit', 'partitions', 'graphile_worker', 'extensions')
  and x.grantee in (0, 'app_anonymous'::regrole, 'app_user'::regrole)
  and not (x.grantee = 'app_user'::regrole and (n.nspname, x.privilege_type) in (select name, privilege from excused))
union all
select n.nspname || '.' || c.relname, x.privilege_type || ' is granted to ' || case x.grantee when 0 then 'public' else x.grantee::regrole::text end
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) x
where n.nspname in ('app_private', 'audit', 'graphile_worker')
  and x.grantee = 'app_user'::regrole
  and (n.nspname || '.' || c.relname, x.privilege_type) not in (select name, privilege from excused)
