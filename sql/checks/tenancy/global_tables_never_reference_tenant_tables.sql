select
  f.conrelid::regclass::text || '.' || f.conname as offender,
  'a global row would hang on a row of a tenant' as why,
  format('migrations/current.sql: keep the id without %s, as the directories in app_private do; or begin the primary '
    'key of %s with tenant_id', f.conname, f.conrelid::regclass) as mend
from pg_constraint f
join app_private.tenant_tables r on r.oid = f.confrelid
where f.contype = 'f' and f.conrelid not in (select oid from app_private.tenant_tables)
