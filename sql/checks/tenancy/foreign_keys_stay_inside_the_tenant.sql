-- Foreign key checks ignore row security, so the key itself must carry the tenant.
select
  t.full_name || '.' || f.conname as offender,
  'it may reach into another tenant: both sides must begin with tenant_id' as why,
  format('migrations/current.sql: constraint %s foreign key (tenant_id, …) references %s (tenant_id, …)', f.conname,
    r.full_name) as mend
from pg_constraint f
join app_private.tenant_tables t on t.oid = f.conrelid
join app_private.tenant_tables r on r.oid = f.confrelid
where f.contype = 'f' and (f.conkey[1] <> t.tenant_attnum or f.confkey[1] <> r.tenant_attnum)
