import pg from 'pg'
import type { Bench } from '../openBench.ts'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 60
const ROUND_MS = 100
const SMALL = 10_000
const LARGE = 10_000_000
/** Versions of each row. */
const VERSIONS = 50

export const row: Row = {
  name: 'auditHistory',
  promise: `history of one row, time among ${LARGE.toLocaleString('en')} versions against ${SMALL.toLocaleString('en')}`,
  budget: 1.5,
  direction: 'at most',
  async run(bench) {
    const [small, large] = [await reader(bench, SMALL), await reader(bench, LARGE)]
    for (const each of [small, large]) await speedOf(ROUND_MS * 10, each)
    const pairs = await byTurns(
      ROUNDS,
      () => speedOf(ROUND_MS, small),
      () => speedOf(ROUND_MS, large),
    )
    return [{ label: 'latest 20 of 50', ratios: pairs.map(([less, more]) => less / more) }]
  },
}

/** Reads the history of fifty teams in turn, as an admin under all policies: what is asked for is warm in both, the rest is what differs. */
async function reader(bench: Bench, versions: number): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: (await bench.database()).superuser })
  await client.connect()
  bench.onClose(() => client.end())
  const start = performance.now()
  await client.query(FILL)
  const {
    rows: [made],
  } = await client.query<{ tenant: string }>('select bench.fill($1, $2) as tenant', [versions / VERSIONS, VERSIONS])
  await client.query('select bench.index()')
  await client.query('analyze audit.row_versions')
  bench.log(`  ${versions.toLocaleString('en')} versions in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  const { rows: teams } = await client.query<{ id: string }>('select id from bench.teams order by id limit 50')
  await client.query(`select set_config('app.tenant_id', $1, false), set_config('app.member_role', 'admin', false)`, [
    made!.tenant,
  ])
  await client.query('set role app_user')
  let turn = 0
  return async () => {
    const { rows } = await client.query({
      name: 'history',
      text: `select id, action, user_id, diff, snapshot, created_at from app_public.teams_audit
             where tenant_id = $2 and team_id = $1 order by id desc limit 20`,
      values: [teams[turn++ % teams.length]!.id, made!.tenant],
    })
    if (rows.length !== 20) throw new Error(`${rows.length} versions instead of 20`)
  }
}

/** Writes straight into the ledger, its indexes dropped before and built after. */
const FILL = `
create schema bench;
create unlogged table bench.teams (id uuid default uuidv7());
create table bench.indexes (definition text);

create function bench.fill(teams int, versions int) returns uuid language plpgsql as $$
declare
  v_tenant uuid := uuidv7();
  v_index  record;
begin
  insert into bench.teams select from generate_series(1, fill.teams);
  insert into bench.indexes
  -- The definition of a partitioned index speaks of the parent only.
  select replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') from pg_index i
  where i.indrelid = 'audit.row_versions'::regclass and not i.indisprimary
    and i.indexrelid::regclass::text = 'audit.row_versions_row_id_idx';
  for v_index in
    select i.indexrelid::regclass as name from pg_index i where i.indrelid = 'audit.row_versions'::regclass and not i.indisprimary
  loop
    execute 'drop index ' || v_index.name;
  end loop;
  alter table audit.row_versions drop constraint row_versions_pkey;
  -- Versions of a row lie apart, as they do in life.
  for i in 1 .. fill.versions loop
    insert into audit.row_versions (tenant_id, table_name, row_id, reader_role, action, actor_type, snapshot, diff)
    select v_tenant, 'teams', t.id, 'viewer', 'update', 'user', jsonb_build_object('name', 'team'), jsonb_build_object('name', i)
    from bench.teams t;
  end loop;
  return v_tenant;
end $$;

create function bench.index() returns void language plpgsql as $$
declare
  v_definition text;
begin
  set local maintenance_work_mem = '1GB';
  for v_definition in select definition from bench.indexes loop
    execute v_definition;
  end loop;
end $$;
`
