-- Whoever mirrors a table asks for what changed since.
select c.oid::regclass::text as offender, 'no index begins with ' || case when t.attnum is null then 'updated_at' else 'tenant_id, updated_at' end as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'updated_at' and not a.attisdropped and a.attgenerated = ''
left join pg_index k on k.indrelid = c.oid and k.indisprimary
left join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' and t.attnum = k.indkey[0]
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and not c.relispartition
  and not exists (
    select
    from pg_index i
    where i.indrelid = c.oid and i.indisvalid and i.indpred is null
      and case when t.attnum is null then i.indkey[0] = a.attnum else i.indkey[0] = t.attnum and i.indkey[1] = a.attnum end)
