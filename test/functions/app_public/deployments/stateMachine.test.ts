import { openScene, STATUSES, type Scene, type Status } from './scene.ts'
import { ask, askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
  project = await scene.project()
})
afterAll(() => scene.database.close())

/** Written from the rule, not from the code: pending, (queued), building, (deploying), ready or running; then over. */
const MOVES: Record<Status, readonly Status[]> = {
  pending: ['queued', 'building', 'failed', 'canceled', 'superseded'],
  queued: ['building', 'failed', 'canceled', 'superseded'],
  building: ['queued', 'deploying', 'ready', 'completed', 'failed', 'canceled', 'superseded'],
  deploying: ['queued', 'ready', 'running', 'completed', 'failed', 'canceled', 'superseded'],
  ready: ['running', 'failed', 'stopped', 'rolled_back', 'superseded'],
  running: ['completed', 'failed', 'stopped', 'rolled_back', 'superseded'],
  completed: [],
  failed: [],
  stopped: [],
  rolled_back: [],
  canceled: [],
  superseded: [],
}
const PAIRS = STATUSES.flatMap((from) => STATUSES.map((to) => ({ from, to })))
const notAllowed = (from: Status, to: Status) => ({
  sqlstate: 'FH422',
  code: 'DEPLOYMENT_TRANSITION_NOT_ALLOWED',
  from,
  to,
})
const BY_THE_PLATFORM: readonly Status[] = ['pending', 'queued', 'rolled_back', 'superseded']

test('the state machine allows what the rule says, for each of 144 pairs', async () => {
  const allowed = await scene.rows(
    `select f as from, t as to from unnest(enum_range(null::app_public.deployment_status)) f, unnest(enum_range(null::app_public.deployment_status)) t
     where app_hidden.is_deployment_move_allowed(f, t)`,
  )
  expect(PAIRS).toHaveLength(144)
  expect(new Set(allowed.map(({ from, to }) => `${from} ${to}`))).toEqual(
    new Set(STATUSES.flatMap((from) => MOVES[from].map((to) => `${from} ${to}`))),
  )
})

test('whoever writes, also a superuser, moves a deployment along the state machine only', async () => {
  const { id } = await scene.request(project)
  for (const { from, to } of PAIRS) {
    await scene.force(id, from)
    const written = scene.rows('update app_public.deployments set status = $2 where id = $1 returning status', [id, to])
    if (from === to || MOVES[from].includes(to)) expect(await written).toEqual([{ status: to }])
    else expect(await refusal(written)).toEqual(notAllowed(from, to))
  }
})

test("without a lease a developer cancels, and tells of what serves; the rest is its runner's or the platform's", async () => {
  const { id } = await scene.request(project)
  for (const { from, to } of PAIRS) {
    await scene.force(id, from)
    const moved = scene.move(id, to, { lease: null, isClaiming: false })
    if (BY_THE_PLATFORM.includes(to) || (from !== to && !MOVES[from].includes(to)))
      expect(await refusal(moved)).toEqual(notAllowed(from, to))
    else if (from === to || to === 'canceled' || from === 'ready' || from === 'running')
      expect(await moved).toMatchObject({ id, status: to })
    else expect(await refusal(moved)).toEqual({ sqlstate: 'FH409', code: 'LEASE_LOST', status: from })
  }
  await scene.force(id, 'pending')
  for (const who of [scene.people.vera, scene.people.bill]) {
    expect((await refusal(scene.move(id, 'canceled', { as: who }))).sqlstate).toMatch(/^FH40[34]$/)
  }
  expect(await refusal(scene.move(id, 'canceled', { as: scene.people.mallory }))).toEqual({
    sqlstate: 'FH404',
    code: 'DEPLOYMENT_NOT_FOUND',
  })
  expect(await scene.move(id, 'canceled')).toMatchObject({ status: 'canceled' })
})

test('the bearer of the lease moves it along the state machine, from when it is building', async () => {
  for (const [path, last] of [
    [['deploying', 'ready'], 'ready'],
    [['deploying', 'running', 'completed'], 'completed'],
    [['ready', 'running', 'stopped'], 'stopped'],
    [['deploying', 'failed'], 'failed'],
    [['completed'], 'completed'],
    [['canceled'], 'canceled'],
  ] as const) {
    const { id } = await scene.request(project)
    await scene.claim('r1', { id })
    for (const status of path) expect(await scene.move(id, status)).toMatchObject({ status })
    expect(await scene.get(id)).toMatchObject({ status: last, runner: null })
  }
})

test('a deployment begins pending or queued, and not current', async () => {
  const { id, environment_id } = await scene.request(project)
  for (const status of STATUSES)
    for (const isCurrent of [false, true]) {
      const inserted = scene.rows(
        `insert into app_public.deployments (tenant_id, project_id, environment_id, environment, status, is_current)
       select tenant_id, project_id, environment_id, environment, $2, $3 from app_public.deployments where id = $1 returning status`,
        [id, status, isCurrent],
      )
      if ((status === 'pending' || status === 'queued') && !isCurrent) expect(await inserted).toEqual([{ status }])
      else expect(await refusal(inserted)).toEqual({ sqlstate: 'FH422', code: 'DEPLOYMENT_BEGINS_PENDING' })
    }
  expect(environment_id).toEqual(expect.any(String))
})

test('each move is recorded once, with its actor and reason, and makes one event', async () => {
  const { people, runnerKey } = scene
  const [{ id: key }] = await scene.rows(`select id from app_public.api_keys where name = 'runner'`)
  const { id } = await scene.request(project, { as: { token: people.alice.token, requestId: 'request-42' } })
  await scene.claim('r1', { as: { token: runnerKey }, id })
  await scene.move(id, 'building', { reason: 'A retry is no move' })
  await refusal(scene.move(id, 'stopped', { reason: 'Refused is no move' }))
  await scene.move(id, 'deploying')
  await scene.rows(`update app_public.deployments set status = 'failed', status_reason = 'By hand' where id = $1`, [id])
  const [alice, bob] = [people.alice.id, people.bob.id]
  const step = (
    from_status: Status | null,
    to_status: Status,
    reason: string | null,
    actor_type: string,
    actor_user_id: string | null,
    actor_api_key_id: string | null = null,
    runner: string | null = 'r1',
  ) => ({ from_status, to_status, reason, actor_type, actor_user_id, actor_api_key_id, runner })
  expect(await scene.history(id)).toEqual([
    step(null, 'pending', null, 'user', alice, null, null),
    step('pending', 'building', null, 'api', bob, key),
    step('building', 'deploying', null, 'user', bob),
    step('deploying', 'failed', 'By hand', 'system', null),
  ])
  const events = await scene.rows(
    'select type, actor_type, actor_user_id, actor_api_key_id, request_id, project_id, data from app_public.events where subject_id = $1 order by id',
    [id],
  )
  expect(events.map(({ type, actor_type }) => [type, actor_type])).toEqual([
    ['deployment.requested', 'user'],
    ['deployment.building', 'api'],
    ['deployment.deploying', 'user'],
    ['deployment.failed', 'system'],
  ])
  expect(events[0]).toMatchObject({ actor_user_id: alice, request_id: 'request-42', project_id: project })
  expect(events[1]).toMatchObject({
    actor_user_id: bob,
    actor_api_key_id: key,
    data: { status: 'building', previousStatus: 'pending', environment: 'production' },
  })
  expect(
    await refusal(
      scene.rows('update app_public.deployment_status_history set reason = null where deployment_id = $1', [id]),
    ),
  ).toEqual({ sqlstate: 'FH422', code: 'APPEND_ONLY' })
})

test('every status has its event', async () => {
  const types = new Set((await scene.rows('select name from app_public.event_types')).map((row) => row.name))
  for (const status of STATUSES)
    if (status !== 'pending') expect(types).toContain(`deployment.${status === 'ready' ? 'succeeded' : status}`)
})

test('times are stamped as it moves', async () => {
  const { id } = await scene.request(project)
  expect(await scene.get(id)).toMatchObject({
    started_at: null,
    build_started_at: null,
    build_finished_at: null,
    build_duration_ms: null,
    completed_at: null,
    promoted_at: null,
  })
  const building = await scene.move(id, 'building')
  expect(building).toMatchObject({
    started_at: expect.any(Date),
    build_started_at: expect.any(Date),
    build_finished_at: null,
    completed_at: null,
  })
  const deploying = await scene.move(id, 'deploying')
  expect(deploying).toMatchObject({
    started_at: building.started_at,
    build_finished_at: expect.any(Date),
    completed_at: null,
  })
  expect(Number(deploying.build_duration_ms)).toBeGreaterThanOrEqual(0)
  const ready = await scene.move(id, 'ready')
  expect(ready).toMatchObject({
    completed_at: expect.any(Date),
    promoted_at: expect.any(Date),
    is_current: true,
    build_finished_at: deploying.build_finished_at,
  })
  const stopped = await scene.move(id, 'stopped')
  expect(stopped).toMatchObject({ completed_at: ready.completed_at, promoted_at: ready.promoted_at, is_current: false })
})

test('what was asked for is frozen, for the superuser too', async () => {
  const other = await scene.project()
  const { id } = await scene.request(project)
  const [{ id: staging }] = await scene.rows(
    `select id from app_public.project_environments where project_id = $1 and name = 'staging'`,
    [project],
  )
  for (const [change, value] of [
    ['commit_sha', 'abcdef1'],
    ['ref', 'refs/heads/x'],
    ['config_snapshot', '{"a": 1}'],
    ['environment_id', staging],
    ['environment', 'staging'],
    ['project_id', other],
    ['created_at', '2020-01-01'],
  ]) {
    expect(
      await refusal(scene.rows(`update app_public.deployments set ${change} = $2 where id = $1`, [id, value])),
    ).toEqual({ sqlstate: 'FH422', code: 'DEPLOYMENT_REQUEST_FROZEN' })
  }
  const fixed = { sqlstate: 'FH422', code: 'IDENTITY_IS_FIXED' }
  expect(await refusal(scene.rows('update app_public.deployments set id = uuidv7() where id = $1', [id]))).toEqual(
    fixed,
  )
  expect(
    await refusal(
      scene.rows('update app_public.deployments set tenant_id = $2 where id = $1', [id, scene.people.tenants.evil.id]),
    ),
  ).toEqual(fixed)
  // Saying the same again is no change, and what is reported about it may change.
  expect(
    await scene.rows(
      `update app_public.deployments set commit_sha = commit_sha, metrics = '{"size": 1}' where id = $1 returning metrics`,
      [id],
    ),
  ).toEqual([{ metrics: { size: 1 } }])
})

test('nobody sets which one is current', async () => {
  const first = await scene.ship(project)
  const second = await scene.request(project)
  await scene.rows('update app_public.deployments set is_current = false where id = $1', [first.id])
  await scene.rows('update app_public.deployments set is_current = true where id = $1', [second.id])
  expect([(await scene.get(first.id)).is_current, (await scene.get(second.id)).is_current]).toEqual([true, false])
  expect(
    await refusal(
      ask(scene.database, scene.people.alice, 'update app_public.deployments set status = $2 where id = $1', [
        second.id,
        'building',
      ]),
    ),
  ).toMatchObject({ sqlstate: '42501' })
})

test('a cancellation names who canceled', async () => {
  const { id } = await scene.request(project)
  expect(
    await ask(
      scene.database,
      scene.people.bob,
      `select status, status_reason, canceled_by from app_public.cancel_deployment($1, 'Typo')`,
      [id],
    ),
  ).toEqual([{ status: 'canceled', status_reason: 'Typo', canceled_by: scene.people.bob.id }])
})

test('production that goes live is told to its project', async () => {
  const id = await scene.project()
  const staging = await scene.ship(id, { environment: 'staging' })
  const telling = () =>
    scene.rows('select deployed_at, deployed_url, current_version, status from app_public.projects where id = $1', [id])
  expect(staging.is_current).toBe(true)
  expect(await telling()).toEqual([
    { deployed_at: null, deployed_url: null, current_version: null, status: 'planning' },
  ])
  const { id: deployment } = await askOne(
    scene.database,
    scene.people.bob,
    `select id from app_public.request_deployment($1, ref => 'v1.2.3', version => '1.2.3')`,
    [id],
  )
  await scene.move(deployment, 'building')
  const live = await scene.move(deployment, 'ready', { url: 'https://shop.test' })
  expect(await telling()).toEqual([
    { deployed_at: live.promoted_at, deployed_url: 'https://shop.test', current_version: '1.2.3', status: 'deployed' },
  ])
})

describe('an environment that asks for approval', () => {
  let guarded: string
  beforeAll(async () => {
    guarded = await scene.project()
    await ask(
      scene.database,
      scene.people.alice,
      `update app_public.project_environments set requires_approval = true where project_id = $1 and name = 'production'`,
      [guarded],
    )
  })
  const approve = (id: string, who = scene.people.alice) =>
    askOne(scene.database, who, 'select * from app_public.approve_deployment($1)', [id])
  const reject = (id: string, who = scene.people.alice, reason: string | null = null) =>
    askOne(scene.database, who, 'select * from app_public.reject_deployment($1, $2)', [id, reason])
  const notPending = { sqlstate: 'FH422', code: 'APPROVAL_NOT_PENDING' }

  test('is deployed to after an admin said yes; no runner gets it before', async () => {
    const { id, approval_state } = await scene.request(guarded)
    expect(approval_state).toBe('pending')
    const open = await scene.request(guarded, { environment: 'staging' })
    expect(open.approval_state).toBe('not_required')
    expect((await claimOf(guarded)).map((row) => row.id)).toEqual([open.id])
    expect(await refusal(approve(id, scene.people.bob))).toMatchObject({ sqlstate: 'FH403', required: 'admin' })
    expect(await refusal(approve(id, scene.people.mallory))).toEqual({
      sqlstate: 'FH404',
      code: 'DEPLOYMENT_NOT_FOUND',
    })
    expect(await approve(id)).toMatchObject({ approval_state: 'approved', status: 'queued', status_reason: 'Approved' })
    expect(await refusal(approve(id))).toEqual(notPending)
    expect((await claimOf(guarded)).map((row) => row.id)).toEqual([id])
    expect(await refusal(approve(open.id))).toEqual(notPending)
  })

  test('is not deployed to after a no', async () => {
    const { id } = await scene.request(guarded)
    expect(await refusal(reject(id, scene.people.bob))).toMatchObject({ sqlstate: 'FH403', required: 'admin' })
    expect(await refusal(reject(id, scene.people.mallory))).toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' })
    expect(await reject(id, scene.people.alice, 'Not on a Friday')).toMatchObject({
      approval_state: 'rejected',
      status: 'canceled',
      status_reason: 'Not on a Friday',
      canceled_by: scene.people.alice.id,
    })
    expect(await claimOf(guarded)).toEqual([])
    expect(await refusal(approve(id))).toEqual(notPending)
    expect(await refusal(reject(id))).toEqual(notPending)
    expect(await reject((await scene.request(guarded)).id)).toMatchObject({ status_reason: 'Rejected' })
  })

  test('can not be reached around the approval, neither by a developer nor by an update', async () => {
    const { id } = await scene.request(guarded)
    const pending = { sqlstate: 'FH422', code: 'APPROVAL_PENDING' }
    expect(await scene.claim('r1', { id })).toBeUndefined()
    for (const status of ['queued', 'building'])
      expect(
        await refusal(scene.rows('update app_public.deployments set status = $2 where id = $1', [id, status])),
      ).toEqual(pending)
    expect(await scene.get(id)).toMatchObject({ status: 'pending', approval_state: 'pending' })
    expect(await scene.move(id, 'canceled')).toMatchObject({ status: 'canceled' })
  })

  const claimOf = (of: string) =>
    ask(
      scene.database,
      { token: scene.runnerKey },
      `select d.id from app_public.claim_deployment('r', (
    select array_agg(name) from app_public.project_environments where project_id = $1)) c
    join app_public.deployments d on d.id = c.deployment_id where d.project_id = $1`,
      [of],
    )
  // Others' work would be claimed first.
  beforeEach(() =>
    scene.rows(
      `update app_public.deployments set status = 'canceled' where project_id <> $1 and status in ('pending', 'queued', 'building', 'deploying')`,
      [guarded],
    ),
  )
})
