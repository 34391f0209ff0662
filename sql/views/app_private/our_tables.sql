create or replace view app_private.our_tables as
select
  c.oid,
  s.name as schema,
  c.relname::text as name,
  s.name || '.' || c.relname as full_name,
  c.relispartition as is_partition
from pg_catalog.pg_class c
join app_private.our_schemas s on s.oid = c.relnamespace
where c.relkind in ('r', 'p');
comment on view app_private.our_tables is 'Every table of our schemas, partitions among them.';
