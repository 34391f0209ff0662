import { openScene, type Deployment, type Scene } from './scene.ts'
import { type Bearer, ask, askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
  project = await scene.project()
})
afterAll(() => scene.database.close())

const SHA = 'a'.repeat(40)
const request = (
  key: string | null,
  {
    sha = SHA,
    environment = 'production',
    config = {},
    as = scene.people.bob,
  }: { sha?: string; environment?: string; config?: object; as?: Bearer } = {},
) =>
  askOne<Deployment>(
    scene.database,
    as,
    'select * from app_public.request_deployment($1, $2, $3, config => $4, idempotency_key => $5)',
    [project, environment, sha, config, key],
  )
const count = async () =>
  (await scene.rows('select count(*)::integer from app_public.deployments where project_id = $1', [project]))[0].count

test('a request keeps who asked, for what, and what was current then', async () => {
  const other = await scene.project()
  const current = await scene.ship(other)
  const [deployment] = await ask(
    scene.database,
    scene.people.bob,
    `select * from app_public.request_deployment($1, commit_sha => $2, ref => 'refs/heads/main', version => '2.0', config => '{"replicas": 2}')`,
    [other, SHA.toUpperCase()],
  )
  expect(deployment).toMatchObject({
    project_id: other,
    environment: 'production',
    status: 'pending',
    commit_sha: SHA,
    ref: 'refs/heads/main',
    branch: 'main',
    version: '2.0',
    config_snapshot: { replicas: 2 },
    deployed_by: scene.people.bob.id,
    triggered_by_type: 'user',
    previous_deployment_id: current.id,
    is_current: false,
    approval_state: 'not_required',
    request_id: 'req-1',
    is_rollback: false,
  })
  const [byKey] = await ask(
    scene.database,
    { token: scene.runnerKey },
    `select * from app_public.request_deployment($1, ref => 'main')`,
    [other],
  )
  expect(byKey).toMatchObject({
    deployed_by: scene.people.bob.id,
    triggered_by_type: 'api',
    commit_sha: null,
    config_snapshot: {},
  })
})

test('developers ask, for what exists, with a commit that can be one', async () => {
  expect(await refusal(request(null, { as: scene.people.vera }))).toMatchObject({
    sqlstate: 'FH403',
    required: 'developer',
  })
  expect(await refusal(request(null, { as: scene.people.mallory }))).toEqual({
    sqlstate: 'FH404',
    code: 'PROJECT_NOT_FOUND',
  })
  expect(await refusal(request(null, { as: scene.people.nobody }))).toEqual({
    sqlstate: 'FH400',
    code: 'TENANT_REQUIRED',
  })
  expect(await refusal(request(null, { environment: 'moon' }))).toEqual({
    sqlstate: 'FH404',
    code: 'ENVIRONMENT_NOT_FOUND',
  })
  expect(await refusal(request(null, { sha: 'not hex' }))).toEqual({
    sqlstate: '23514',
    code: 'deployments_commit_sha_check',
  })
  expect(await request(null)).toMatchObject({ commit_sha: SHA })
})

test('a request says what to build: a commit or a ref, which git can not take for something else', async () => {
  const ask = (sha: string | null, ref: string | null) =>
    askOne<Deployment>(
      scene.database,
      scene.people.bob,
      `select * from app_public.request_deployment($1, commit_sha => $2, ref => $3, version => '1.0')`,
      [project, sha, ref],
    )
  expect(await refusal(ask(null, null))).toEqual({ sqlstate: 'FH422', code: 'NOTHING_TO_BUILD' })
  for (const ref of [
    '--upload-pack=touch /tmp/x',
    '-b',
    'refs/heads/-x',
    'refs/tags/--exec',
    'main\n--exec',
    'a\u001bb',
    'a b',
    'a..b',
    'a@{1}',
    'x:y',
    '/main',
    'main.lock',
    'main/',
  ])
    expect([ref, await refusal(ask(SHA, ref))]).toEqual([ref, { sqlstate: 'FH422', code: 'REF_NOT_VALID' }])
  for (const ref of [
    'main',
    'refs/heads/feature/a-b_c.d',
    'refs/tags/v1.0.0',
    'refs/pull/12/head',
    'dependabot/npm/@types/x',
  ])
    expect(await ask(null, ref)).toMatchObject({ ref })
  for (const sha of ['-abcdef0', 'abcdef0\n', '--help'])
    expect(await refusal(ask(sha, null))).toMatchObject({ code: 'deployments_commit_sha_check' })
})

describe('an idempotency key', () => {
  test('makes one deployment of the same request however often it comes', async () => {
    const first = await request('once')
    const before = await count()
    expect((await request('once')).id).toBe(first.id)
    await scene.move(first.id, 'building')
    // The answer is the deployment as it is now.
    expect(await request('once')).toMatchObject({ id: first.id, status: 'building' })
    expect(await count()).toBe(before)
    expect((await request('twice')).id).not.toBe(first.id)
    expect((await request(null)).id).not.toBe(first.id)
  })

  test('is refused for another request', async () => {
    await request('mine')
    const reused = { sqlstate: 'FH409', code: 'IDEMPOTENCY_KEY_REUSED' }
    for (const other of [{ sha: 'b'.repeat(40) }, { environment: 'staging' }, { config: { replicas: 3 } }])
      expect(await refusal(request('mine', other))).toEqual(reused)
    expect(await request('mine')).toMatchObject({ commit_sha: SHA })
  })

  test('used by many at once makes one', async () => {
    const before = await count()
    const made = await Promise.all(Array.from({ length: 8 }, () => request('race')))
    expect(new Set(made.map((deployment) => deployment.id)).size).toBe(1)
    expect(await count()).toBe(before + 1)
    const mixed = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => request('mixed race', { sha: i % 2 ? SHA : 'b'.repeat(40) })),
    )
    expect(mixed.filter((result) => result.status === 'fulfilled')).toHaveLength(4)
    expect(await count()).toBe(before + 2)
  })

  test('is not spent by a request that failed', async () => {
    expect(await refusal(request('retry', { environment: 'moon' }))).toMatchObject({ sqlstate: 'FH404' })
    expect(await request('retry')).toMatchObject({ status: 'pending' })
  })

  test('belongs to the tenant, and is free again after a day', async () => {
    const first = await request('daily')
    const lair = await askOne(
      scene.database,
      scene.people.mallory,
      `insert into app_public.projects (name, slug) values ('Lair', 'lair') returning id`,
    )
    expect(
      await ask(
        scene.database,
        scene.people.mallory,
        `select id from app_public.request_deployment($1, ref => 'main', idempotency_key => 'daily')`,
        [lair.id],
      ),
    ).toHaveLength(1)
    await scene.rows(`update app_public.idempotency_keys set expires_at = now() where key = 'daily'`)
    const next = await request('daily', { sha: 'c'.repeat(40) })
    expect(next.id).not.toBe(first.id)
    expect((await request('daily', { sha: 'c'.repeat(40) })).id).toBe(next.id)
    await scene.rows(
      `update app_public.idempotency_keys set expires_at = now() - interval '1 second' where key = 'daily'`,
    )
    await scene.database.worker.query('select app_private.sweep_expired()')
    expect(await scene.rows(`select 1 from app_public.idempotency_keys where key = 'daily'`)).toEqual([])
  })
})
