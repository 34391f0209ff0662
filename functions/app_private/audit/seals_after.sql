-- Seals are made one at a time and each is later than all before it: what comes after one of them was not there when
-- that was read.
create or replace function app_private.seals_after(
  created_at timestamptz default '-infinity',
  tenant_id uuid default app_hidden.platform_tenant_id(),
  number bigint default 0,
  max_count integer default 1000
) returns setof jsonb
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'tenantId', s.tenant_id, 'number', s.number, 'untilTransaction', s.until_transaction::text, 'rowCount', s.row_count,
    'digest', encode(s.digest, 'hex'),
    'createdAt', to_char(s.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  from audit.seals s
  where (s.created_at, s.tenant_id, s.number) > (seals_after.created_at, seals_after.tenant_id, seals_after.number)
  order by s.created_at, s.tenant_id, s.number
  limit seals_after.max_count
$$;
comment on function app_private.seals_after(timestamptz, uuid, bigint, integer) is
  'Seals that were made after the given one, in order of making, without their manifests.';
alter function app_private.seals_after(timestamptz, uuid, bigint, integer) owner to app_system;
grant execute on function app_private.seals_after(timestamptz, uuid, bigint, integer) to freehold_worker;
