with creators (schema, role, reason) as (values
  ('app_public',  'app_system', 'to own a function one must be allowed to create in its schema'),
  ('app_hidden',  'app_system', 'the same'),
  ('app_private', 'app_system', 'the same')
)
select
  n.nspname as offender,
  'create is granted to ' || g.name as why,
  format('revoke create on schema %I from %s; in migrations/current.sql', n.nspname, g.name) as mend
from pg_namespace n
cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
cross join lateral (select case x.grantee when 0 then 'public' else x.grantee::regrole::text end) g (name)
where (n.oid in (select oid from app_private.our_schemas) or n.nspname in ('extensions', 'graphile_worker', 'public'))
  and x.privilege_type = 'CREATE' and x.grantee not in (n.nspowner, 'pg_database_owner'::regrole)
  and (x.grantee = 0 or (n.nspname, g.name) not in (select schema, role from creators))
