import pg from 'pg'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 40
const ROUND_MS = 150
const DEPLOYMENTS = 50
/** Moves of each: pending, building, deploying, ready or failed. */
const MOVES = ['building', 'deploying', 'failed'] as const

export const row: Row = {
  name: 'auditAsOf',
  promise: `the ${DEPLOYMENTS} deployments of a project as they were, time against the live list; read from ${DEPLOYMENTS * (MOVES.length + 1)} versions`,
  budget: 50,
  direction: 'at most',
  async run(bench) {
    const client = new pg.Client({ connectionString: (await bench.database()).superuser })
    await client.connect()
    bench.onClose(() => client.end())
    const {
      rows: [made],
    } = await client.query<{ tenant: string; project: string }>(`
      with t as (insert into app_public.tenants (name, slug) values ('Bench', 'bench') returning id)
      insert into app_public.projects (tenant_id, name, slug) select id, 'Bench', 'bench' from t returning tenant_id as tenant, id as project`)
    await client.query(
      `
      insert into app_public.deployments (tenant_id, project_id, environment_id, environment)
      select e.tenant_id, e.project_id, e.id, e.type from app_public.project_environments e, generate_series(1, ${DEPLOYMENTS})
      where e.project_id = $1 and e.name = 'production'`,
      [made!.project],
    )
    for (const status of MOVES)
      await client.query('update app_public.deployments set status = $2 where project_id = $1', [made!.project, status])
    await client.query('vacuum analyze')
    await client.query(
      `select set_config('app.tenant_id', $1, false), set_config('app.member_role', 'admin', false), set_config('app.hidden_project_ids', '{}', false)`,
      [made!.tenant],
    )
    await client.query('set role app_user')
    const read = (name: string, from: string) => async () => {
      const { rows } = await client.query({
        name,
        text: `select id, status, created_at from ${from} order by id`,
        values: [made!.project],
      })
      if (rows.length !== DEPLOYMENTS || rows[0].status !== 'failed') throw new Error(`${rows.length} rows of ${name}`)
    }
    const asOf = read('as of', 'app_public.deployments_as_of(now(), $1)')
    const live = read('live', 'app_public.deployments where project_id = $1')
    for (const each of [asOf, live]) await speedOf(ROUND_MS * 3, each)
    const pairs = await byTurns(
      ROUNDS,
      () => speedOf(ROUND_MS, asOf),
      () => speedOf(ROUND_MS, live),
    )
    return [{ label: 'list', ratios: pairs.map(([then, now]) => now / then) }]
  },
}
