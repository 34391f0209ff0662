-- What a table's key says is what the laws on tenants rest on; the law that a table with a tenant begins its primary
-- key with it sees to it that all others are listed there, each with its reason.
create or replace view app_private.tenant_tables as
select t.oid, t.schema, t.name, t.full_name, t.is_partition, a.attnum as tenant_attnum
from app_private.our_tables t
join pg_catalog.pg_index k on k.indrelid = t.oid and k.indisprimary
join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id' and a.attnum = k.indkey[0];
comment on view app_private.tenant_tables is
  'The tables whose primary key begins with tenant_id, and so the tables whose rows belong to tenants.';
