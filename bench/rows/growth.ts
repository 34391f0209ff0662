import pg from 'pg'
import { call } from '../../src/db/call.ts'
import { startServer } from '../children.ts'
import { openHttpRaces } from '../httpRace.ts'
import { CLAIM_NAMES, type Claims } from '../../src/db/withTenant.ts'
import type { Bench } from '../openBench.ts'
import { deploymentsOf, populate, type Person, type Size } from '../populate.ts'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 60
const ROUND_MS = 100
/** Ten thousand, and as many as fit into about a minute: tenants and the history of each project both grow. */
const SMALL: Size = { tenants: 10, projects: 20, deployments: 50, moves: 0 }
const LARGE: Size = { tenants: 1000, projects: 20, deployments: 500, moves: 0 }
/** Tenants whose projects are asked for in turn. */
const PEOPLE = 10

const LATEST = `
  select id, status, commit_sha, branch, created_at from app_public.deployments
  where tenant_id = $2 and project_id = $1 order by created_at desc, id limit 20`

const LATEST_GRAPHQL = /* GraphQL */ `
  query Latest($id: UUID!) {
    project(id: $id) {
      deployments(first: 20, orderBy: [CREATED_AT_DESC]) {
        nodes {
          id
          status
          commitSha
          branch
          createdAt
        }
      }
    }
  }
`

export const row: Row = {
  name: 'growth',
  promise: `latest deployments of a project, time at ${deploymentsOf(LARGE).toLocaleString('en')} rows against ${deploymentsOf(SMALL).toLocaleString('en')}`,
  budget: 1.5,
  direction: 'at most',
  async run(bench) {
    const [small, large] = [await fill(bench, SMALL), await fill(bench, LARGE)]
    const [sqlSmall, sqlLarge] = [await sqlReader(bench, small), await sqlReader(bench, large)]
    for (const each of [sqlSmall, sqlLarge]) await speedOf(ROUND_MS * 10, each)
    const pairs = await byTurns(
      ROUNDS,
      () => speedOf(ROUND_MS, sqlSmall),
      () => speedOf(ROUND_MS, sqlLarge),
    )

    const { race } = await openHttpRaces(bench, small.superuser)
    const through = await race(await graphqlRunner(bench, small), await graphqlRunner(bench, large), ROUNDS / 3)
    return [
      { label: 'SQL', ratios: pairs.map(([less, more]) => less / more) },
      { label: 'GraphQL', ratios: through.speed },
    ]
  },
}

interface Filled {
  readonly authenticator: string
  readonly superuser: string
  readonly people: readonly Person[]
}

async function fill(bench: Bench, size: Size): Promise<Filled> {
  const urls = await bench.database()
  const start = performance.now()
  const people = await populate(urls.superuser, size, PEOPLE, bench.log)
  bench.log(
    `${deploymentsOf(size).toLocaleString('en')} deployments in ${((performance.now() - start) / 1000).toFixed(0)} s.`,
  )
  return { authenticator: urls.authenticator, superuser: urls.superuser, people }
}

/** Reads one project after the other, one person after the other, as app_user under all policies. */
async function sqlReader(bench: Bench, { superuser, people }: Filled): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: superuser })
  await client.connect()
  bench.onClose(() => client.end())
  const claims: Claims[] = []
  for (const { token } of people) {
    const given = { token, tenant: null, ip: null, user_agent: null, request_id: null }
    claims.push((await call(client, 'app_private.authenticate', given)) as Claims)
  }
  await client.query('set role app_user')
  const text = `select ${CLAIM_NAMES.map((name, index) => `set_config('app.${name}', $${index + 1}, false)`).join(', ')}`
  let turn = 0
  return async () => {
    const who = turn % people.length
    const { tenantId, projectIds } = people[who]!
    await client.query({ name: 'claims', text, values: CLAIM_NAMES.map((name) => claims[who]![name] ?? '') })
    const { rows } = await client.query({
      name: 'latest',
      text: LATEST,
      values: [projectIds[Math.floor(turn++ / people.length) % projectIds.length], tenantId],
    })
    if (rows.length !== 20) throw new Error(`${rows.length} deployments instead of 20`)
  }
}

async function graphqlRunner(bench: Bench, { authenticator, people }: Filled) {
  return {
    server: await startServer(bench, 'api', {
      authenticatorUrl: authenticator,
      keyring: bench.config.secretKeys,
      poolSize: bench.config.poolSize,
      config: bench.config,
    }),
    path: '/graphql',
    requests: people.flatMap(({ token, projectIds }) =>
      projectIds.map((id) => ({ token, body: JSON.stringify({ query: LATEST_GRAPHQL, variables: { id } }) })),
    ),
  }
}
