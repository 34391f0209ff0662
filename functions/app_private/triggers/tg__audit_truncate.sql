-- One version a tenant, be the rows ten million: each reads its own history, and the seals cover it. And one of the
-- platform, whoever had rows.
create or replace function app_private.tg__audit_truncate() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions
  with recursive tenants as (
    -- Tenants in the ledger, by hopping along the index.
    (select r.tenant_id from audit.row_versions r order by r.tenant_id limit 1)
    union all
    select (select r.tenant_id from audit.row_versions r where r.tenant_id > t.tenant_id order by r.tenant_id limit 1)
    from tenants t where t.tenant_id is not null)
  select p.*
  from (
    select t.tenant_id
    from tenants t
    where exists (select from audit.row_versions r where r.tenant_id = t.tenant_id and r.table_name = TG_ARGV[0])
    union
    select app_hidden.platform_tenant_id()) t
  cross join lateral audit.describe_change(TG_ARGV, 'truncate', null, null) v
  cross join lateral jsonb_populate_record(v, jsonb_build_object('tenant_id', t.tenant_id)) p;
  return null;
end
$$;
comment on function app_private.tg__audit_truncate() is
  'Appends to the ledger that a table was emptied, for each tenant that ever had rows in it.';
alter function app_private.tg__audit_truncate() owner to app_system;
