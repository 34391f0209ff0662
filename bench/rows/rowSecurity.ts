import pg from 'pg'
import { call } from '../../src/db/call.ts'
import { CLAIM_NAMES, type Claims } from '../../src/db/withTenant.ts'
import { populate } from '../populate.ts'
import { processorTime } from '../processorTime.ts'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 60
const ROUND_MS = 100
/** A role without policies; its reads name the tenant themselves. */
const READER = 'freehold_bench_reader'

/** Each read under policies and as a person writes it who has none. $1 is a project, $2 its tenant. */
const READS = [
  {
    label: 'latest 20 deployments of a project',
    text: `select id, status, commit_sha, branch, created_at from app_public.deployments
           where tenant_id = $2 and project_id = $1 order by created_at desc, id limit 20`,
  },
  {
    label: 'project by id',
    text: 'select id, name, slug, status, visibility, created_at from app_public.projects where tenant_id = $2 and id = $1',
  },
] as const

export const row: Row = {
  name: 'rowSecurity',
  promise: 'indexed read under row security against a hand-written tenant filter, reads/s',
  budget: 0.85,
  direction: 'at least',
  async run(bench) {
    const urls = await bench.database()
    const [person] = await populate(
      urls.superuser,
      { tenants: 50, projects: 20, deployments: 50, moves: 0 },
      1,
      bench.log,
    )
    const { tenantId, projectIds, token } = person!
    const connect = async (role: string, claims: Claims) => {
      const client = new pg.Client({ connectionString: urls.superuser })
      await client.connect()
      for (const name of CLAIM_NAMES)
        await client.query('select set_config($1, $2, false)', [`app.${name}`, claims[name] ?? ''])
      await client.query(`set role ${role}`)
      bench.onClose(() => client.end())
      return Object.assign(client, { processID: await backendOf(client) })
    }
    const admin = await connect('none', {})
    await admin.query(`
      do $$ begin create role ${READER} nologin bypassrls; exception when duplicate_object then end $$;
      grant usage on schema app_public to ${READER};
      grant select on all tables in schema app_public to ${READER}`)
    bench.onClose(() => admin.query(`drop owned by ${READER}; drop role ${READER}`))
    const given = { token, tenant: null, ip: null, user_agent: null, request_id: null }
    const claims = (await call(admin, 'app_private.authenticate', given)) as Claims
    const [guarded, free] = [await connect('app_user', claims), await connect(READER, claims)]

    const measures = []
    for (const { label, text } of READS) {
      const read = (client: pg.Client) => {
        let turn = 0
        return () => client.query({ name: label, text, values: [projectIds[turn++ % projectIds.length], tenantId] })
      }
      const [underPolicies, byHand] = [read(guarded), read(free)]
      for (const each of [underPolicies, byHand]) await speedOf(ROUND_MS * 5, each)
      const [ours, theirs] = [await read(guarded)(), await read(free)()]
      if (ours.rows.length === 0 || JSON.stringify(ours.rows) !== JSON.stringify(theirs.rows))
        throw new Error(`The rows differ: ${label}`)

      const measured = async (backend: number, work: () => Promise<unknown>) => {
        const before = processorTime(backend)
        let calls = 0
        const speed = await speedOf(ROUND_MS, () => (calls++, work()))
        const after = processorTime(backend)
        return { speed, cost: before === undefined || after === undefined ? undefined : (after - before) / calls }
      }
      const pairs = await byTurns(
        ROUNDS,
        () => measured(guarded.processID, underPolicies),
        () => measured(free.processID, byHand),
      )
      measures.push(
        { label, ratios: pairs.map(([policies, hand]) => policies.speed / hand.speed) },
        {
          label: `${label}, processor time of the backend`,
          isCounted: false,
          ratios: pairs.flatMap(([policies, hand]) =>
            policies.cost === undefined || hand.cost === undefined ? [] : [hand.cost / policies.cost],
          ),
        },
      )
    }
    return measures
  },
}

async function backendOf(client: pg.Client): Promise<number> {
  return (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid
}
