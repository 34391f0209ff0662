select
  i.indexrelid::regclass::text as offender,
  'it makes something unique beyond its tenant' as why,
  format('migrations/current.sql: begin the columns of the key with tenant_id; what must be unique on the platform '
    'lives in a directory of app_private that %s fills', t.full_name) as mend
from app_private.tenant_tables t
join pg_index i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
where i.indkey[0] <> t.tenant_attnum
