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
const heartbeat = (id: string, lease: string | null | undefined = scene.lease(id), seconds: number | null = 60) =>
  askOne<Deployment>(
    scene.database,
    { token: scene.runnerKey },
    'select * from app_public.heartbeat_deployment($1, $2, $3)',
    [id, lease ?? null, seconds],
  )
const LOST = expect.objectContaining({ sqlstate: 'FH409', code: 'LEASE_LOST' })
const lost = { sqlstate: 'FH409', code: 'LEASE_LOST' }
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
])('a runner %p with a lease of %p seconds is refused', async (runner, lease) => {
  const { id } = await scene.request(project)
  const bad = { sqlstate: 'FH400', code: 'BAD_USER_INPUT' }
  expect(await refusal(scene.claim(runner as string, { lease }))).toEqual(bad)
  expect(await scene.claim('r', { lease: 5 })).toMatchObject({ id })
  if (runner === 'r') {
    expect(await refusal(heartbeat(id, scene.lease(id), lease))).toEqual(bad)
    expect(await heartbeat(id, scene.lease(id), 3600)).toMatchObject({ id })
  }
})

test('a lease of null seconds is the usual one, and ends', async () => {
  const { id } = await scene.request(project)
  expect(await scene.claim('r', { lease: null })).toMatchObject({ id })
  const { lease_expires_at: end } = await heartbeat(id, scene.lease(id), null)
  const seconds = ((end as Date).getTime() - Date.now()) / 1000
  expect(Math.round(seconds / 30)).toBe(2)
})

test('a heartbeat keeps the lease of whoever bears its token', async () => {
  const { id } = await scene.request(project)
  expect(await refusal(heartbeat(id, 'fh_lease_guessed'))).toEqual(LOST)
  expect(await refusal(heartbeat(id, null))).toEqual(LOST)
  const { token } = (await scene.claim('r1', { lease: 5 }))!
  expect(token).toMatch(/^fh_lease_[0-9a-f]{64}$/)
  const kept = await heartbeat(id, token, 600)
  expect((kept.lease_expires_at as Date).getTime()).toBeGreaterThan(Date.now() + 500_000)
  expect(await refusal(heartbeat(id, `${token}0`))).toEqual(LOST)
  expect(await refusal(heartbeat(id, 'r1'))).toEqual(LOST)
  expect(await requeue()).toBe(0)
  await scene.move(id, 'deploying')
  await heartbeat(id)
  expect(await scene.move(id, 'ready')).toMatchObject({ runner: null, lease_expires_at: null })
  expect(await refusal(heartbeat(id))).toEqual(LOST)
  expect((await scene.history(id)).map(({ runner }) => runner)).toEqual([null, 'r1', 'r1', 'r1'])
})

test('the token is stored as a hash, where no request reads it', async () => {
  const { id } = await scene.request(project)
  const { token } = (await scene.claim('r1'))!
  const [row] = await scene.rows(
    'select token_hash = sha256($2) as is_hash from app_private.deployment_leases where deployment_id = $1',
    [id, token],
  )
  expect(row).toEqual({ is_hash: true })
  expect(await scene.rows('select from audit.row_versions where position($1 in snapshot::text) > 0', [token])).toEqual(
    [],
  )
  expect(await refusal(scene.as(scene.people.alice, 'select * from app_private.deployment_leases'))).toMatchObject({
    sqlstate: '42501',
  })
})

test("while it is held, who does not bear the lease does no more than cancel, also under the runner's own name", async () => {
  const { id } = await scene.request(project)
  const { token } = (await scene.claim('r1'))!
  expect(await scene.claim('r1')).toBeUndefined()
  for (const lease of [null, 'r1', 'fh_lease_guessed'])
    for (const status of ['deploying', 'ready', 'running', 'completed', 'failed'] as const)
      for (const as of [scene.people.bob, scene.people.alice, { token: scene.runnerKey }])
        expect(await refusal(scene.move(id, status, { lease, as, url: 'https://evil.test' }))).toEqual({
          sqlstate: 'FH409',
          code: 'LEASE_LOST',
          status: 'building',
        })
  expect(await refusal(scene.move(id, 'canceled', { lease: 'fh_lease_guessed' }))).toEqual(LOST)
  expect(await scene.get(id)).toMatchObject({ status: 'building', deployment_url: null })
  expect(await scene.move(id, 'ready', { lease: token, url: 'https://shop.test' })).toMatchObject({
    deployment_url: 'https://shop.test',
  })
  // Nobody gives what serves another address.
  for (const lease of [null, token])
    expect(await refusal(scene.move(id, 'running', { lease, url: 'https://evil.test' }))).toMatchObject({
      code: 'LEASE_LOST',
    })
  expect(await scene.move(id, 'running', { lease: null })).toMatchObject({ deployment_url: 'https://shop.test' })

  const other = await scene.request(project)
  await scene.claim('r1')
  expect(await scene.move(other.id, 'canceled', { lease: null })).toMatchObject({
    status: 'canceled',
    canceled_by: scene.people.bob.id,
  })
  expect(await refusal(scene.move(other.id, 'ready'))).toEqual({ ...lost, status: 'canceled' })
})

test("a lease of before tokens is nobody's: it can not be prolonged, and runs out", async () => {
  const { id } = await scene.request(project)
  await scene.rows(
    `update app_public.deployments set status = 'building', runner = 'old', lease_expires_at = now() + interval '1 minute' where id = $1`,
    [id],
  )
  for (const lease of ['old', '', 'fh_lease_guessed']) {
    expect(await refusal(heartbeat(id, lease))).toEqual(LOST)
    expect(await refusal(scene.move(id, 'ready', { lease }))).toEqual(LOST)
  }
  expect(await scene.claim('old', { id })).toBeUndefined()
  await expire(id)
  expect(await requeue()).toBe(1)
  expect(await scene.claim('new', { id })).toMatchObject({ id, runner: 'new', restart_count: 1 })
})

test('what nobody holds is not made ready by anybody', async () => {
  const { id } = await scene.request(project)
  for (const status of ['building', 'failed'] as const)
    expect(await refusal(scene.move(id, status, { isClaiming: false }))).toMatchObject({ code: 'LEASE_LOST' })
  await scene.force(id, 'building')
  expect(await refusal(scene.move(id, 'ready', { isClaiming: false, url: 'https://evil.test' }))).toMatchObject({
    code: 'LEASE_LOST',
  })
  expect(await scene.claim('r1', { id })).toMatchObject({ status: 'building' })
  expect(await scene.move(id, 'ready')).toMatchObject({ status: 'ready' })
})

test.each([
  'javascript:alert(1)',
  'ftp://shop.test',
  'https://',
  'https://user:secret@shop.test',
  'https://user@shop.test',
  'https://shop.test/a b',
  'https://shop.test/\nX: y',
  'https://shop.test/"><script>',
  'https://shop.test\\@evil.test',
  `https://shop.test/${'x'.repeat(500)}`,
])('an address like %j is refused', async (url) => {
  const { id } = await scene.request(project)
  await scene.claim('r1', { id })
  expect(await refusal(scene.move(id, 'ready', { url }))).toEqual({ sqlstate: 'FH400', code: 'URL_NOT_VALID' })
  const good = 'https://a-b.shop.test:8443/path?q=1#x'
  expect(await scene.move(id, 'ready', { url: good })).toMatchObject({ deployment_url: good })
})

test('a runner that did not hear the answer to its last move asks again', async () => {
  const { id } = await scene.request(project)
  const { token } = (await scene.claim('r1'))!
  await scene.move(id, 'deploying', { lease: token })
  expect(await scene.move(id, 'deploying', { lease: token })).toMatchObject({ status: 'deploying' })
  const { updated_at } = await scene.move(id, 'ready', { lease: token })
  expect(await scene.move(id, 'ready', { lease: token })).toMatchObject({ status: 'ready', updated_at })
  expect(await refusal(scene.move(id, 'ready', { lease: 'fh_lease_guessed' }))).toEqual(LOST)
})

test('a lease that expired gives the deployment back to the queue, and the runner that lost it is told', async () => {
  const { id } = await scene.request(project)
  const { token: old } = (await scene.claim('r1'))!
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
  const late = () => [
    ...(['building', 'deploying', 'ready', 'failed', 'canceled'] as const).map((status) =>
      scene.move(id, status, { lease: old }),
    ),
    heartbeat(id, old),
    askOne(
      scene.database,
      { token: scene.runnerKey },
      `select app_public.append_deployment_logs($1, array[row('late', null, null, null, null, null, null)]::app_public.log_line[], lease_token => $2)`,
      [id, old],
    ),
  ]
  for (const move of late()) expect(await refusal(move)).toMatchObject({ ...lost, status: 'queued' })
  const { token: next } = (await scene.claim('r1'))!
  expect(next).not.toBe(old)
  for (const move of late()) expect(await refusal(move)).toMatchObject({ ...lost, status: 'building' })
  expect(await scene.move(id, 'ready', { lease: next })).toMatchObject({ status: 'ready' })
  expect((await scene.history(id)).map(({ to_status, runner, reason }) => [to_status, runner, reason])).toEqual([
    ['pending', null, null],
    ['building', 'r1', null],
    ['queued', 'r1', LOST_REASON],
    ['building', 'r1', null],
    ['ready', 'r1', null],
  ])
})

test('a runner need not wait for the queue: it takes over what another lost', async () => {
  const { id } = await scene.request(project)
  const { token: old } = (await scene.claim('r1'))!
  expect(await scene.claim('r2')).toBeUndefined()
  await expire(id)
  const results = await Promise.all(['r2', 'r3', 'r4', 'r5'].map((runner) => scene.claim(runner)))
  const [taken] = results.filter((result) => result !== undefined)
  expect(results.filter((result) => result !== undefined)).toHaveLength(1)
  expect(taken).toMatchObject({ id, restart_count: 1 })
  expect(await refusal(heartbeat(id, old))).toEqual(LOST)
  expect(await heartbeat(id, taken!.token)).toMatchObject({ id })
})

test('a runner that is late but was not replaced goes on', async () => {
  const { id } = await scene.request(project)
  await scene.claim('r1')
  await expire(id)
  expect(await heartbeat(id)).toMatchObject({ id })
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
  if (way === 'other runners') expect(await scene.claim('r6')).toBeUndefined()
  expect(await scene.get(id)).toMatchObject({
    status: 'failed',
    restart_count: 6,
    error_message: 'Its runner was lost six times',
    runner: null,
  })
  expect(await scene.claim('r7')).toBeUndefined()
})
