import type { Client } from 'graphql-ws'
import { startApi, type Api } from './api.ts'
import { kill, spawnWorker, startWorker, workerConfig } from '../worker/support.ts'
import { until } from '../support/until.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
beforeEach(() =>
  api.database.superuser.query(
    `update app_public.deployments set status = 'canceled' where status in ('pending', 'queued', 'building', 'deploying')`,
  ),
)
afterAll(() => api.close())

const code = ({ errors }: { errors?: { extensions: { code: string } }[] }) => errors?.[0]?.extensions.code

async function request(project = api.ids.projects.shop, person: 'alice' | 'mallory' = 'alice'): Promise<string> {
  const { data, errors } = await api.ask(
    person,
    'mutation ($project: UUID!) { requestDeployment(input: {projectId: $project, ref: "main"}) { deployment { id } } }',
    { project },
  )
  if (errors) throw new Error(JSON.stringify(errors))
  return data.requestDeployment.deployment.id
}

const CLAIM = `mutation ($id: UUID) { claimDeployment(input: {runner: "r1", leaseSeconds: 600, deploymentId: $id}) {
  result { deploymentId leaseToken leaseExpiresAt deployment { id status runner leaseExpiresAt project { slug } } } } }`

async function claim(id: string | null = null) {
  const { data, errors } = await api.ask('bob', CLAIM, { id })
  if (errors) throw new Error(JSON.stringify(errors))
  return data.claimDeployment.result
}

/** As if the time of the lease had passed: its end, and the job that was to look then. */
async function expire(id: string): Promise<void> {
  await api.database.superuser.query(
    `update app_public.deployments set lease_expires_at = now() - interval '1 second' where id = $1`,
    [id],
  )
  await api.database.worker.query(
    `select graphile_worker.reschedule_jobs(array[j.id], run_at => now()) from graphile_worker.jobs j where j.key = $1`,
    [`lease:${id}`],
  )
}

function listen(client: Client, environments: string[] | null = null) {
  const heard: string[] = []
  const refusals: string[] = []
  let stop = () => {}
  const ended = new Promise<void>((resolve, reject) => {
    stop = client.subscribe<any>(
      {
        query:
          'subscription ($environments: [String!]) { deploymentWaiting(environments: $environments) { deployment { id } } }',
        variables: { environments },
      },
      {
        next: ({ data, errors }) =>
          errors
            ? refusals.push(String(errors[0]!.extensions!.code))
            : heard.push(data.deploymentWaiting.deployment.id),
        error: reject,
        complete: resolve,
      },
    )
  })
  return { heard, refusals, ended, stop }
}

/** Until the API listens for so many subscribers of Acme more than before. */
let served = 0
async function listening(count = 1): Promise<void> {
  const now = () =>
    api.log().filter(({ msg, channel }) => msg === 'listening' && channel === `events:${api.ids.tenants.acme}`).length
  await until(() => now() >= served + count)
  served = now()
}

test('the answer to a claim has the lease and the deployment, and null when there is none', async () => {
  const id = await request()
  const result = await claim()
  expect(result).toEqual({
    deploymentId: id,
    leaseToken: expect.stringMatching(/^fh_lease_[0-9a-f]{64}$/),
    leaseExpiresAt: expect.any(String),
    deployment: {
      id,
      status: 'BUILDING',
      runner: 'r1',
      leaseExpiresAt: result.leaseExpiresAt,
      project: { slug: 'shop' },
    },
  })
  expect(await claim()).toBeNull()
  expect(JSON.stringify(api.log())).not.toContain(result.leaseToken)
})

test('without the token nothing of it is said, and the code tells', async () => {
  const id = await request()
  const { leaseToken } = await claim(id)
  const move = (variables: object) =>
    api.ask(
      'bob',
      `mutation ($id: UUID!, $status: DeploymentStatus!, $leaseToken: String, $url: String) {
        transitionDeployment(input: {id: $id, status: $status, leaseToken: $leaseToken, url: $url}) { deployment { deploymentUrl } } }`,
      { id, status: 'READY', ...variables },
    )
  for (const token of [null, 'fh_lease_guessed']) {
    const answer = await move({ leaseToken: token, url: 'https://evil.test' })
    expect([code(answer), answer.errors![0]!.extensions.detail]).toEqual(['LEASE_LOST', { status: 'building' }])
  }
  expect(code(await move({ leaseToken, url: 'javascript:alert(1)' }))).toBe('URL_NOT_VALID')
  const { data } = await move({ leaseToken, url: 'https://shop.test' })
  expect(data.transitionDeployment.deployment.deploymentUrl).toBe('https://shop.test')
  expect(
    code(
      await api.ask(
        'bob',
        `mutation { requestDeployment(input: {projectId: "${api.ids.projects.shop}"}) { deployment { id } } }`,
      ),
    ),
  ).toBe('NOTHING_TO_BUILD')
})

test('a null character in a log line is replaced, and the batch kept', async () => {
  const id = await request()
  const { leaseToken } = await claim(id)
  const { data, errors } = await api.ask(
    'bob',
    `mutation ($id: UUID!, $lines: [LogLineInput!]!, $leaseToken: String) {
      appendDeploymentLogs(input: {deploymentId: $id, lines: $lines, leaseToken: $leaseToken}) { result } }`,
    {
      id,
      leaseToken,
      lines: [
        { message: 'before' },
        { message: 'a\u0000b\\u0000"\u0000', daemon: 'd\u0000', level: 'WARN', timestamp: '2026-01-02T03:04:05Z' },
        { message: 'after' },
      ],
    },
  )
  expect(errors).toBeUndefined()
  expect(data.appendDeploymentLogs.result).toBe('3')
  const { rows } = await api.database.superuser.query(
    'select message, daemon, level from app_public.deployment_logs where deployment_id = $1 order by sequence',
    [id],
  )
  expect(rows).toEqual([
    { message: 'before', daemon: null, level: 'info' },
    { message: 'a\uFFFDb\\u0000"\uFFFD', daemon: 'd\uFFFD', level: 'warn' },
    { message: 'after', daemon: null, level: 'info' },
  ])
})

describe('deploymentWaiting', () => {
  const dispatch = () => api.database.worker.query('select app_private.dispatch_events()')

  test('tells at once what waits, and then what comes, in the environments that are named', async () => {
    const id = await request()
    const client = api.socket('bob')
    const [all, staging] = [listen(client), listen(client, ['staging'])]
    await until(() => all.heard.length > 0)
    await listening(2)
    expect(all.heard).toEqual([id])
    await claim(id)
    await dispatch()
    // Another of the same environment waits until there is room; then both are told, and only the one who may take it.
    const next = await request()
    await dispatch()
    await api.ask('bob', 'mutation ($id: UUID!) { cancelDeployment(input: {id: $id}) { deployment { id } } }', { id })
    await dispatch()
    await until(() => all.heard.includes(next))
    expect(all.heard.filter((each) => each !== id)).toEqual(all.heard.slice(all.heard.indexOf(next)))
    expect(staging.heard).toEqual([])
    const { data } = await api.ask(
      'alice',
      'query ($project: UUID!) { project(id: $project) { environments { nodes { id name maxBuilds supersedesWaiting } } } }',
      { project: api.ids.projects.shop },
    )
    const environment = data.project.environments.nodes.find(({ name }: { name: string }) => name === 'staging')
    expect(environment).toMatchObject({ maxBuilds: 1, supersedesWaiting: true })
    const toStaging = async () =>
      (
        await api.ask(
          'bob',
          'mutation ($project: UUID!) { requestDeployment(input: {projectId: $project, environment: "staging", ref: "main"}) { deployment { id } } }',
          { project: api.ids.projects.shop },
        )
      ).data.requestDeployment.deployment.id
    const first = await toStaging()
    await dispatch()
    await until(() => staging.heard.includes(first))
    await claim(first)
    // It is busy until it may build two at once.
    const second = await toStaging()
    await dispatch()
    const { errors } = await api.ask(
      'alice',
      'mutation ($id: UUID!) { updateProjectEnvironment(input: {id: $id, patch: {maxBuilds: 2}}) { projectEnvironment { maxBuilds } } }',
      { id: environment.id },
    )
    expect(errors).toBeUndefined()
    await until(() => staging.heard.includes(second))
    all.stop()
    staging.stop()
  })

  test('tells nobody of what they may not claim', async () => {
    const refused = listen(api.socket('vera'))
    await refused.ended
    expect(refused.refusals).toEqual(['FORBIDDEN'])
    const nobody = listen(api.socket('nobody'))
    await nobody.ended
    expect(nobody.refusals).toEqual(['UNAUTHENTICATED'])
    const foreign = await request(api.ids.projects.lair, 'mallory')
    await api.database.superuser.query(`update app_public.projects set visibility = 'private' where slug = 'shop'`)
    const hidden = await request()
    const [bob, alice] = [listen(api.socket('bob')), listen(api.socket('alice'))]
    await listening(2)
    await until(() => alice.heard.length > 0)
    await dispatch()
    await until(() => alice.heard.length > 1)
    expect(new Set(alice.heard)).toEqual(new Set([hidden]))
    // Out of the way before Bob sees the project again: what he is told then is another one.
    await api.database.superuser.query(`update app_public.deployments set status = 'canceled' where id = $1`, [hidden])
    await api.database.superuser.query(`update app_public.projects set visibility = 'team' where slug = 'shop'`)
    const seen = await request()
    await dispatch()
    await until(() => alice.heard.includes(seen) && bob.heard.includes(seen))
    expect([bob.heard.includes(hidden), bob.heard.includes(foreign), alice.heard.includes(foreign)]).toEqual([
      false,
      false,
      false,
    ])
    bob.stop()
    alice.stop()
  })

  test('wakes when the lease of another runner expires, also after kill -9 of the worker that waited for it', async () => {
    const config = workerConfig()
    const killed = await spawnWorker(api.database, config)
    const id = await request()
    const { leaseToken } = await claim(id)
    const jobs = async () =>
      (await api.database.worker.query('select run_at from graphile_worker.jobs where key = $1', [`lease:${id}`])).rows
    expect(await jobs()).toHaveLength(1)
    await kill(killed)
    const waiting = listen(api.socket('bob'))
    await listening()
    const worker = await startWorker(api.database, config)
    // Found prolonged, it comes back at the new end.
    await api.database.worker.query(
      `select graphile_worker.reschedule_jobs(array[j.id], run_at => now()) from graphile_worker.jobs j where j.key = $1`,
      [`lease:${id}`],
    )
    await until(async () => {
      const [job] = await jobs()
      return job && job.run_at.getTime() > Date.now() + 300_000
    })
    expect(waiting.heard).toEqual([])
    await expire(id)
    await until(() => waiting.heard.includes(id))
    expect((await claim(id)).leaseToken).not.toBe(leaseToken)
    const { rows } = await api.database.superuser.query(
      `select to_status, actor_type from app_public.deployment_status_history where deployment_id = $1 order by id`,
      [id],
    )
    // It was the worker who gave it back, and not the second claim.
    expect(rows.map(({ to_status, actor_type }) => [to_status, actor_type])).toEqual([
      ['pending', 'user'],
      ['building', 'user'],
      ['queued', 'worker'],
      ['building', 'user'],
    ])
    waiting.stop()
    await worker.stop()
    config.remove()
  })
})
