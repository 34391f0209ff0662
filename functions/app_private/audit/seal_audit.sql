-- Covers transactions below the oldest that still runs: all of them have ended, so nothing can be added to a sealed
-- range by honest means.
create or replace function app_private.seal_audit(rows_per_seal integer default 100000) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_end       xid8;
  v_now       bigint;
  v_tenant_id uuid;
  v_last      audit.seals;
  v_seal      audit.seals;
  v_full      xid8;
  v_count     integer := 0;
begin
  -- One sealer at a time; what another sealed meanwhile is seen after the wait.
  perform pg_advisory_xact_lock(hashtextextended('seal_audit', 0));
  v_end := pg_snapshot_xmin(pg_current_snapshot());
  -- How far this comes is how far the next may look back: what was committed by now had begun by now.
  v_now := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  perform app_private.move_horizon('seals', v_end, v_now, v_now, v_now, 1);
  for v_tenant_id in
    -- Tenants in the ledger, by hopping along the index.
    with recursive tenants as (
      (select r.tenant_id from audit.row_versions r order by r.tenant_id limit 1)
      union all
      select (select r.tenant_id from audit.row_versions r where r.tenant_id > t.tenant_id order by r.tenant_id limit 1)
      from tenants t where t.tenant_id is not null)
    select t.tenant_id from tenants t where t.tenant_id is not null
  loop
    loop
      select * into v_last from audit.seals s where s.tenant_id = v_tenant_id order by s.number desc limit 1;
      v_seal.tenant_id := v_tenant_id;
      v_seal.number := coalesce(v_last.number, 0) + 1;
      v_seal.from_transaction := coalesce(v_last.until_transaction, '0'::xid8);
      v_seal.previous_digest := coalesce(v_last.digest, decode(repeat('00', 32), 'hex'));
      -- A seal ends between two transactions, some time after so many versions.
      select r.transaction_id into v_full
      from audit.row_versions r
      where r.tenant_id = v_tenant_id and r.transaction_id >= v_seal.from_transaction and r.transaction_id < v_end
      order by r.transaction_id
      offset seal_audit.rows_per_seal limit 1;
      v_seal.until_transaction := coalesce((
        select r.transaction_id
        from audit.row_versions r
        where r.tenant_id = v_tenant_id and r.transaction_id > v_full and r.transaction_id < v_end
        order by r.transaction_id limit 1), v_end);
      select count(*),
        coalesce(string_agg(uuid_send(r.id) || audit.version_digest(r), '' order by r.transaction_id, r.id), '')
      into v_seal.row_count, v_seal.manifest
      from audit.row_versions r
      where r.tenant_id = v_tenant_id
        and r.transaction_id >= v_seal.from_transaction and r.transaction_id < v_seal.until_transaction;
      exit when v_seal.row_count = 0;
      -- Later than every other seal even when the clock was set back: they are published in this order.
      v_seal.created_at := greatest(
        clock_timestamp(), (select max(s.created_at) + interval '1 microsecond' from audit.seals s));
      v_seal.digest := audit.seal_digest(v_seal);
      insert into audit.seals (
        tenant_id, number, from_transaction, until_transaction, row_count,
        manifest, previous_digest, digest, created_at)
      values (
        v_seal.tenant_id, v_seal.number, v_seal.from_transaction, v_seal.until_transaction, v_seal.row_count,
        v_seal.manifest, v_seal.previous_digest, v_seal.digest, v_seal.created_at);
      v_count := v_count + 1;
    end loop;
  end loop;
  return v_count;
end
$$;
comment on function app_private.seal_audit(integer) is
  'Seals what the ledger has gained, tenant by tenant; returns how many seals it made.';
alter function app_private.seal_audit(integer) owner to app_system;
grant execute on function app_private.seal_audit(integer) to freehold_worker;
