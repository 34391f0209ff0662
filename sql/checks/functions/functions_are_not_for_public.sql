select
  f.oid::regprocedure::text as offender,
  'everybody may execute it' as why,
  format('functions/%s/…/%s.sql: revoke execute on function %s from public; and grant it to who needs it', s.name,
    f.proname, f.oid::regprocedure) as mend
from pg_proc f
join app_private.our_schemas s on s.oid = f.pronamespace
where exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x where x.grantee = 0)
