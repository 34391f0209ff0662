import pg from 'pg'
import type { Bench } from '../openBench.ts'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 40
const ROUND_MS = 300
const SMALL = 10_000
const LARGE = 10_000_000

export const row: Row = {
  name: 'erasure',
  promise: `erasing a person, time beside ${LARGE.toLocaleString('en')} rows of others against ${SMALL.toLocaleString('en')}`,
  budget: 1.5,
  direction: 'at most',
  async run(bench) {
    const [small, large] = [await eraser(bench, SMALL), await eraser(bench, LARGE)]
    for (const each of [small, large]) await speedOf(ROUND_MS * 4, each)
    const pairs = await byTurns(
      ROUNDS,
      () => speedOf(ROUND_MS, small),
      () => speedOf(ROUND_MS, large),
    )
    return [{ label: 'a member with 20 pushes and 200 versions', ratios: pairs.map(([less, more]) => less / more) }]
  },
}

/** Erases one person again and again: each time is rolled back. */
async function eraser(bench: Bench, others: number): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: (await bench.database()).superuser })
  await client.connect()
  bench.onClose(() => client.end())
  const start = performance.now()
  await client.query('select app_private.ensure_partitions()')
  await client.query(FILL)
  await client.query('select bench.fill($1)', [others])
  await client.query('vacuum analyze')
  bench.log(`  ${others.toLocaleString('en')} rows in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  const { rows } = await client.query<{ id: string }>(`select id from app_public.users where username = 'leaver'`)
  return async () => {
    await client.query('begin')
    await client.query('select app_private.erase_person($1)', [rows[0]!.id])
    await client.query('rollback')
  }
}

/** A tenth of the rows are webhooks, three tenths entries of the audit log, the rest versions; a thousandth of it people and tenants. */
const FILL = `
create schema bench;
create function bench.fill(others int) returns void language plpgsql as $$
declare
  v_people  int := greatest(others / 1000, 10);
  v_leaver  uuid := uuidv7();
  v_tenants uuid[];
begin
  set local session_replication_role to replica;
  insert into app_public.tenants (name, slug) select 'Tenant ' || i, 'tenant-' || i from generate_series(1, v_people / 10 + 1) i;
  select array_agg(id) into v_tenants from app_public.tenants;
  insert into app_public.users (email, username, name, email_verified_at)
  select 'person' || i || '@others.test', 'person-' || i, 'Person ' || i, now() from generate_series(1, v_people) i;
  insert into app_public.users (id, email, username, name, email_verified_at) values (v_leaver, 'leaver@leaver.test', 'leaver', 'Leaver', now());
  create temporary table people on commit drop as
    select id, email::text, row_number() over () as n, v_tenants[1 + row_number() over () % cardinality(v_tenants)] as tenant_id from app_public.users;
  insert into app_public.user_settings (user_id) select id from people;
  insert into app_public.tenant_members (tenant_id, user_id, role, invitation_status, joined_at)
  select tenant_id, id, 'developer', 'joined', now() from people;
  insert into app_public.projects (tenant_id, name, slug) select unnest(v_tenants), 'Shop', 'shop';
  insert into app_public.webhook_sources (tenant_id, project_id, provider, name) select tenant_id, id, 'github', 'GitHub' from app_public.projects;

  insert into app_public.webhook_events (
    tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, raw_body, person_addresses)
  select s.tenant_id, s.id, s.project_id, 'github', 'push', g.i, jsonb_build_object('pusher', jsonb_build_object('name', 'x', 'email', p.email)),
    'x', array[p.email]
  from (
    select i, 1 + i % v_people as n from generate_series(1, others / 10) i
    union all
    select -i, (select n from people where id = v_leaver) from generate_series(1, 20) i) g
  join people p on p.n = g.n
  join app_public.webhook_sources s on s.tenant_id = p.tenant_id;
  insert into app_public.audit_logs (tenant_id, user_id, action, ip_address)
  select p.tenant_id, p.id, 'user.login', '192.0.2.1'
  from generate_series(1, others * 3 / 10) i
  join people p on p.n = 1 + i % v_people;
  insert into audit.row_versions (
    tenant_id, table_name, row_id, subject_id, user_id, reader_role, action, actor_type, snapshot, personal, personal_salt, personal_digest,
    ip, origin_salt, origin_digest)
  select p.tenant_id, 'api_keys', uuidv7(), p.id, p.id, 'admin', 'insert', 'user', '{"name": "key"}',
    '{"snapshot": {"allowed_ips": ["192.0.2.1"]}, "diff": {}}', 'salt', 'digest', '192.0.2.1', 'salt', 'digest'
  from (
    select 1 + i % v_people as n from generate_series(1, others * 6 / 10) i
    union all
    select (select n from people where id = v_leaver) from generate_series(1, 200)) g
  join people p on p.n = g.n;
end $$;`
