-- Whoever mirrors a table asks for what changed since.
select
  t.full_name as offender,
  'no index begins with ' || w.columns as why,
  format('migrations/current.sql: create index %s_updated_at_idx on %s (%s);', t.name, t.full_name, w.columns) as mend
from app_private.our_tables t
join pg_attribute a on a.attrelid = t.oid and a.attname = 'updated_at' and not a.attisdropped and a.attgenerated = ''
left join app_private.tenant_tables k on k.oid = t.oid
cross join lateral (select case when k.oid is null then 'updated_at' else 'tenant_id, updated_at' end) w (columns)
where not t.is_partition
  and not exists (
    select
    from pg_index i
    where i.indrelid = t.oid and i.indisvalid and i.indpred is null
      and case
        when k.oid is null then i.indkey[0] = a.attnum
        else i.indkey[0] = k.tenant_attnum and i.indkey[1] = a.attnum
      end)
