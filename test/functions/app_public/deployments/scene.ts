import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { namedPeople, type Person } from '../../../support/people.ts'
import { type Bearer, ask, askOne } from '../../../support/ask.ts'

export type Scene = Awaited<ReturnType<typeof openScene>>

export const STATUSES = [
  'pending',
  'queued',
  'building',
  'deploying',
  'ready',
  'running',
  'completed',
  'failed',
  'stopped',
  'rolled_back',
  'canceled',
  'superseded',
] as const
export type Status = (typeof STATUSES)[number]

/** A row of app_public.deployments, as far as tests read it. */
export interface Deployment {
  id: string
  status: Status
  status_reason: string | null
  is_current: boolean
  environment_id: string
  project_id: string
  runner: string | null
  commit_sha: string | null
  [column: string]: unknown
}

/** Acme's people, and projects and deployments as they make them. */
export async function openScene() {
  const database: TestDatabase = await testDatabase()
  const people = await namedPeople(database)
  const rows = async (sql: string, values: unknown[] = []): Promise<any[]> =>
    (await database.superuser.query(sql, values)).rows
  let projects = 0
  let commits = 0
  const runnerKey: string = (
    await askOne(database, people.bob, `select token from app_public.create_api_key('runner', '{write}')`)
  ).token

  /** A project whose environments build everything, as much at once as there is; unless told otherwise. */
  const project = async ({ maxBuilds = 100, isSuperseding = false } = {}): Promise<string> => {
    const slug = `project-${(projects += 1)}`
    const { id } = await askOne(
      database,
      people.alice,
      `insert into app_public.projects (name, slug, visibility) values ($1, $2, 'team') returning id`,
      [slug, slug],
    )
    await ask(
      database,
      people.alice,
      'update app_public.project_environments set max_builds = $2, supersedes_waiting = $3 where project_id = $1',
      [id, maxBuilds, isSuperseding],
    )
    return id
  }
  /** Tokens of the leases that were claimed here, by deployment: whoever moves one speaks as its last runner unless told otherwise. */
  const leases = new Map<string, string>()
  const commit = () => (commits += 1).toString(16).padStart(40, '0')
  const request = (
    project: string,
    {
      as = people.bob,
      environment = 'production',
      sha = commit(),
    }: { as?: Bearer; environment?: string; sha?: string } = {},
  ) =>
    askOne<Deployment>(database, as, 'select * from app_public.request_deployment($1, $2, $3)', [
      project,
      environment,
      sha,
    ])
  const get = async (id: string): Promise<Deployment> =>
    (await rows('select * from app_public.deployments where id = $1', [id]))[0]
  const claim = async (
    runner = 'r1',
    {
      as = { token: runnerKey },
      environments = null,
      lease = 60,
      id = null,
    }: { as?: Bearer; environments?: string[] | null; lease?: number | null; id?: string | null } = {},
  ): Promise<(Deployment & { token: string }) | undefined> => {
    const [claimed] = await ask<{ deployment_id: string; lease_token: string }>(
      database,
      as,
      'select * from app_public.claim_deployment($1, $2, $3, $4) c where c.deployment_id is not null',
      [runner, environments, lease, id],
    )
    if (!claimed) return undefined
    leases.set(claimed.deployment_id, claimed.lease_token)
    return { ...(await get(claimed.deployment_id)), token: claimed.lease_token }
  }
  /** Moves a deployment under its lease, or under `lease`; null is nobody's. To begin building is to claim it. */
  const move = async (
    id: string,
    status: Status,
    {
      as = people.bob,
      reason = null,
      lease = leases.get(id) ?? null,
      url = null,
      isClaiming = true,
    }: { as?: Bearer; reason?: string | null; lease?: string | null; url?: string | null; isClaiming?: boolean } = {},
  ): Promise<Deployment> => {
    if (status === 'building' && lease === null && isClaiming) {
      const claimed = await claim('r1', { as, id })
      if (claimed) return claimed
    }
    return askOne<Deployment>(
      database,
      as,
      'select * from app_public.transition_deployment($1, $2, $3, $4, lease_token => $5)',
      [id, status, reason, url, lease],
    )
  }
  return {
    database,
    people,
    rows,
    runnerKey,
    project,
    commit,
    request,
    move,
    claim,
    as: (who: Person, sql: string, values: unknown[] = []) => ask(database, who, sql, values),
    get,
    lease: (id: string): string | undefined => leases.get(id),
    /** Requests a deployment and brings it to ready, unless a newer one is current. */
    ship: async (project: string, options: { environment?: string; sha?: string } = {}): Promise<Deployment> => {
      const { id } = await request(project, options)
      await move(id, 'building')
      return move(id, 'ready')
    },
    history: (id: string) =>
      rows(
        'select from_status, to_status, reason, runner, actor_type, actor_user_id, actor_api_key_id from app_public.deployment_status_history where deployment_id = $1 order by id',
        [id],
      ),
    rollback: (id: string | null, to: string | null = null, as: Bearer = people.bob) =>
      askOne<Deployment>(database, as, 'select * from app_public.rollback_deployment($1, $2)', [id, to]),
    promote: (id: string, environment = 'production', as: Bearer = people.bob) =>
      askOne<Deployment>(database, as, 'select * from app_public.promote_deployment($1, $2)', [id, environment]),
    /** Puts a deployment into any status past every trigger. */
    force: (id: string, status: Status) =>
      withoutTriggers(
        database,
        `update app_public.deployments set status = $2, is_current = false, runner = null, lease_expires_at = null where id = $1`,
        [id, status],
      ),
  }
}

async function withoutTriggers(database: TestDatabase, sql: string, values: unknown[]): Promise<void> {
  const client = await database.superuser.connect()
  try {
    await client.query('begin')
    await client.query('set local session_replication_role to replica')
    await client.query(sql, values)
    await client.query('commit')
  } finally {
    client.release()
  }
}
