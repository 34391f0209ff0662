select f.oid::regprocedure::text as offender, 'everybody may execute it' as why
from pg_proc f
join pg_namespace n on n.oid = f.pronamespace
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x where x.grantee = 0)
