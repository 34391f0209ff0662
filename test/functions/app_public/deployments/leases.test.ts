import { call } from '../../../../src/db/call.ts'
import { openScene, type Deployment, type Scene } from './scene.ts'
import { askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
})
beforeEach(async () => {
  await scene.rows(
    `update app_public.deployments set status = 'canceled' where status in ('pending', 'queued', 'building', 'deploying')`,
  )
  project = await scene.project()
})
afterAll(() => scene.database.close())

const expire = (id: string) =>
  scene.rows(`update app_public.deployments set lease_expires_at = now() - interval '1 second' where id = $1`, [id])
const requeue = () => call(scene.database.worker, 'app_private.requeue_lost_deployments')
const heartbeat = (id: string, runner: string | null, seconds: number | null = 60) =>
  askOne<Deployment>(
    scene.database,
    { token: scene.runnerKey },
    'select * from app_public.heartbeat_deployment($1, $2, $3)',
    [id, runner, seconds],
  )
const LOST = expect.objectContaining({ sqlstate: 'FH409', code: 'LEASE_LOST' })
const LOST_REASON = 'The lease of its runner expired'

test('a runner gets the oldest deployment that waits, building and leased, or nothing', async () => {
  const [first, second] = [await scene.request(project), await scene.request(project)]
  const claimed = await scene.claim('r1', { lease: 120 })
  expect(claimed).toMatchObject({ id: first.id, status: 'building', runner: 'r1', heartbeat_at: expect.any(Date) })
  const seconds = ((claimed!.lease_expires_at as Date).getTime() - (claimed!.heartbeat_at as Date).getTime()) / 1000
  expect(seconds).toBeCloseTo(120, 1)
  expect(await scene.claim('r2')).toMatchObject({ id: second.id, runner: 'r2' })
  expect(await scene.claim('r1')).toBeUndefined()
  expect((await scene.history(first.id)).map(({ to_status, runner }) => [to_status, runner])).toEqual([
    ['pending', null],
    ['building', 'r1'],
  ])
})

test('forty deployments and eight runners at once: each is got exactly once', async () => {
  const requested = await Promise.all(Array.from({ length: 40 }, () => scene.request(project)))
  const got = await Promise.all(
    Array.from({ length: 8 }, async (_, runner) => {
      const mine: Deployment[] = []
      for (let next; (next = await scene.claim(`r${runner}`)) !== undefined;) mine.push(next)
      return mine
    }),
  )
  const ids = got.flat().map((deployment) => deployment.id)
  expect(ids).toHaveLength(40)
  expect(new Set(ids)).toEqual(new Set(requested.map((deployment) => deployment.id)))
  const moves = await scene.rows(
    `select deployment_id, count(*)::integer from app_public.deployment_status_history where to_status = 'building' and deployment_id = any ($1) group by 1`,
    [ids],
  )
  expect(moves.every((row) => row.count === 1)).toBe(true)
  for (const [runner, mine] of got.entries())
    for (const { id } of mine) expect(await scene.get(id)).toMatchObject({ runner: `r${runner}` })
})

test('a runner takes the environments it names', async () => {
  const production = await scene.request(project)
  const staging = await scene.request(project, { environment: 'staging' })
  expect(await scene.claim('r', { environments: ['staging', 'preview'] })).toMatchObject({ id: staging.id })
  expect(await scene.claim('r', { environments: ['staging'] })).toBeUndefined()
  expect(await scene.claim('r')).toMatchObject({ id: production.id })
})

test('who may not deploy claims nothing, and nobody claims across tenants', async () => {
  const { id } = await scene.request(project)
  expect(await refusal(scene.claim('r', { as: scene.people.vera }))).toMatchObject({
    sqlstate: 'FH403',
    required: 'developer',
  })
  expect(await scene.claim('r', { as: scene.people.mallory })).toBeUndefined()
  expect(await scene.claim('r')).toMatchObject({ id })
})

test.each([
  ['', 60],
  ['x'.repeat(256), 60],
  [null, 60],
  ['r', 4],
  ['r', 3601],
  ['r', null],
])('a runner %p with a lease of %p seconds is refused', async (runner, lease) => {
  const { id } = await scene.request(project)
  const bad = { sqlstate: 'FH400', code: 'BAD_USER_INPUT' }
  expect(await refusal(scene.claim(runner as string, { lease }))).toEqual(bad)
  expect(await scene.claim('r', { lease: 5 })).toMatchObject({ id })
  if (runner === 'r') {
    expect(await refusal(heartbeat(id, 'r', lease))).toEqual(bad)
    expect(await heartbeat(id, 'r', 3600)).toMatchObject({ id })
  }
})

test('a heartbeat keeps the lease of whoever holds it', async () => {
  const { id } = await scene.request(project)
  expect(await refusal(heartbeat(id, 'r1'))).toEqual(LOST)
  expect(await refusal(heartbeat(id, null))).toEqual(LOST)
  await scene.claim('r1', { lease: 5 })
  const kept = await heartbeat(id, 'r1', 600)
  expect((kept.lease_expires_at as Date).getTime()).toBeGreaterThan(Date.now() + 500_000)
  expect(await refusal(heartbeat(id, 'r2'))).toEqual(LOST)
  expect(await requeue()).toBe(0)
  await scene.move(id, 'deploying', { runner: 'r1' })
  await heartbeat(id, 'r1')
  expect(await scene.move(id, 'ready', { runner: 'r1' })).toMatchObject({ runner: null, lease_expires_at: null })
  expect(await refusal(heartbeat(id, 'r1'))).toEqual(LOST)
  expect((await scene.history(id)).map(({ runner }) => runner)).toEqual([null, 'r1', 'r1', 'r1'])
})

test('a lease that expired gives the deployment back to the queue, and the runner that lost it is told', async () => {
  const { id } = await scene.request(project)
  await scene.claim('r1')
  await expire(id)
  expect(await requeue()).toBe(1)
  expect(await requeue()).toBe(0)
  expect(await scene.get(id)).toMatchObject({
    status: 'queued',
    runner: null,
    lease_expires_at: null,
    restart_count: 1,
    status_reason: LOST_REASON,
  })
  expect(await refusal(scene.move(id, 'deploying', { runner: 'r1' }))).toEqual({
    sqlstate: 'FH409',
    code: 'LEASE_LOST',
    status: 'queued',
  })
  expect(await scene.claim('r2')).toMatchObject({ id, runner: 'r2', status: 'building' })
  for (const late of [
    scene.move(id, 'deploying', { runner: 'r1' }),
    scene.move(id, 'building', { runner: 'r1' }),
    heartbeat(id, 'r1'),
  ])
    expect(await refusal(late)).toEqual(LOST)
  expect(await scene.move(id, 'ready', { runner: 'r2' })).toMatchObject({ status: 'ready' })
  expect((await scene.history(id)).map(({ to_status, runner, reason }) => [to_status, runner, reason])).toEqual([
    ['pending', null, null],
    ['building', 'r1', null],
    ['queued', 'r1', LOST_REASON],
    ['building', 'r2', null],
    ['ready', 'r2', null],
  ])
})

test('a runner need not wait for the queue: it takes over what another lost', async () => {
  const { id } = await scene.request(project)
  await scene.claim('r1')
  expect(await scene.claim('r2')).toBeUndefined()
  await expire(id)
  const results = await Promise.all(['r2', 'r3', 'r4', 'r5'].map((runner) => scene.claim(runner)))
  const [taken] = results.filter((result) => result !== undefined)
  expect(results.filter((result) => result !== undefined)).toHaveLength(1)
  expect(taken).toMatchObject({ id, restart_count: 1 })
  expect(await refusal(heartbeat(id, 'r1'))).toEqual(LOST)
  expect(await heartbeat(id, taken!.runner)).toMatchObject({ id })
})

test('a runner that is late but was not replaced goes on', async () => {
  const { id } = await scene.request(project)
  await scene.claim('r1')
  await expire(id)
  expect(await heartbeat(id, 'r1')).toMatchObject({ id })
  expect(await requeue()).toBe(0)
})

test.each(['the queue', 'other runners'])('after losing six runners a deployment fails, by way of %s', async (way) => {
  const { id } = await scene.request(project)
  for (let lost = 0; lost < 6; lost += 1) {
    if (lost === 0 || way === 'the queue')
      expect(await scene.claim(`r${lost}`)).toMatchObject({ id, restart_count: lost })
    await expire(id)
    if (way === 'the queue') expect(await requeue()).toBe(1)
    else if (lost < 5) expect(await scene.claim(`r${lost + 1}`)).toMatchObject({ id, restart_count: lost + 1 })
  }
  if (way === 'other runners') {
    expect(await scene.claim('r6')).toBeUndefined()
    expect(await requeue()).toBe(1)
  }
  expect(await scene.get(id)).toMatchObject({
    status: 'failed',
    restart_count: 6,
    error_message: 'Its runner was lost six times',
    runner: null,
  })
  expect(await scene.claim('r7')).toBeUndefined()
})
