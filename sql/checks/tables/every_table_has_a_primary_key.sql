select
  t.full_name as offender,
  'it has no primary key' as why,
  format('migrations/current.sql: constraint %s_pkey primary key (tenant_id, id), in its create table; without '
    'tenant_id for what belongs to no tenant', t.name) as mend
from app_private.our_tables t
where not exists (select from pg_index k where k.indrelid = t.oid and k.indisprimary)
