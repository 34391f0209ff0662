import fc from 'fast-check'
import { openScene, type Deployment, type Scene, type Status } from './scene.ts'
import { ask } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'
import { loop } from '../../../support/loops.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
})
beforeEach(async () => {
  project = await scene.project()
})
afterAll(() => scene.database.close())

const environmentOf = async (name: string): Promise<string> =>
  (
    await scene.rows('select id from app_public.project_environments where project_id = $1 and name = $2', [
      project,
      name,
    ])
  )[0].id
const current = async (environment = 'production'): Promise<string | undefined> =>
  (
    await scene.rows(
      'select d.id from app_public.deployments d join app_public.project_environments e on e.id = d.environment_id where d.project_id = $1 and e.name = $2 and d.is_current',
      [project, environment],
    )
  )[0]?.id
const lock = (id: string, isLocked = true) =>
  ask(scene.database, scene.people.bob, 'update app_public.deployments set is_locked = $2 where id = $1', [
    id,
    isLocked,
  ])

test('what succeeds becomes current, and supersedes what was, in its environment only', async () => {
  const staging = await scene.ship(project, { environment: 'staging' })
  const first = await scene.ship(project)
  expect(first).toMatchObject({ status: 'ready', is_current: true })
  const second = await scene.ship(project)
  expect(second).toMatchObject({ is_current: true, previous_deployment_id: first.id })
  expect(await scene.get(first.id)).toMatchObject({
    status: 'superseded',
    is_current: false,
    status_reason: `Replaced by deployment ${second.id}`,
  })
  expect(await current('staging')).toBe(staging.id)
})

test('an older one that succeeds later does not displace a newer one', async () => {
  const [older, newer] = [await scene.request(project), await scene.request(project)]
  for (const { id } of [older, newer]) await scene.move(id, 'building')
  await scene.move(newer.id, 'ready')
  expect(await scene.move(older.id, 'ready')).toMatchObject({
    status: 'superseded',
    is_current: false,
    promoted_at: null,
    status_reason: 'A newer deployment is current',
  })
  expect(await current()).toBe(newer.id)
})

test('it stays current from ready to running, and not when it fails, stops or completes', async () => {
  for (const [path, isCurrent] of [
    [['running'], true],
    [['running', 'stopped'], false],
    [['failed'], false],
    [['running', 'completed'], false],
  ] as const) {
    const { id } = await scene.ship(project)
    for (const status of path) await scene.move(id, status)
    expect(await current()).toBe(isCurrent ? id : undefined)
  }
})

test('a locked one stays current although newer ones succeed, until it is unlocked', async () => {
  const held = await scene.ship(project)
  await lock(held.id)
  const next = await scene.ship(project)
  expect(next).toMatchObject({ status: 'ready', is_current: false, promoted_at: null })
  expect(await scene.get(held.id)).toMatchObject({ status: 'ready', is_current: true })
  await lock(held.id, false)
  const last = await scene.ship(project)
  expect(last.is_current).toBe(true)
  expect(await scene.get(held.id)).toMatchObject({ status: 'superseded', is_current: false })
  expect(
    (
      await refusal(
        ask(scene.database, scene.people.mallory, 'update app_public.deployments set status = $2 where id = $1', [
          held.id,
          'ready',
        ]),
      )
    ).sqlstate,
  ).toBe('42501')
})

describe('a rollback', () => {
  const nothing = { sqlstate: 'FH422', code: 'NOTHING_TO_ROLL_BACK_TO' }

  test('requests what was current before again; the bad one serves until the new one succeeds', async () => {
    const [good, bad] = [await scene.ship(project), await scene.ship(project)]
    const back = await scene.rollback(bad.id)
    expect(back).toMatchObject({
      status: 'pending',
      rollback_of_id: bad.id,
      is_rollback: true,
      commit_sha: good.commit_sha,
      environment_id: good.environment_id,
      previous_deployment_id: bad.id,
      deployed_by: scene.people.bob.id,
    })
    expect(await scene.get(bad.id)).toMatchObject({ status: 'ready', is_current: true })
    await scene.move(back.id, 'building')
    expect(await current()).toBe(bad.id)
    expect(await scene.move(back.id, 'ready')).toMatchObject({ is_current: true })
    expect(await scene.get(bad.id)).toMatchObject({
      status: 'rolled_back',
      is_current: false,
      status_reason: `Replaced by deployment ${back.id}`,
    })
    expect((await scene.history(bad.id)).at(-1)).toMatchObject({ from_status: 'ready', to_status: 'rolled_back' })
    expect(
      await scene.rows(`select 1 from app_public.events where type = 'deployment.rolled_back' and subject_id = $1`, [
        bad.id,
      ]),
    ).toHaveLength(1)
  })

  test('that fails leaves the bad one current', async () => {
    const [, bad] = [await scene.ship(project), await scene.ship(project)]
    const back = await scene.rollback(bad.id)
    await scene.move(back.id, 'building')
    await scene.move(back.id, 'failed')
    expect(await scene.get(bad.id)).toMatchObject({ status: 'ready', is_current: true })
    const again = await scene.rollback(bad.id)
    await scene.move(again.id, 'building')
    await scene.move(again.id, 'ready')
    expect(await scene.get(bad.id)).toMatchObject({ status: 'rolled_back' })
  })

  test('goes to the one that is named, however old', async () => {
    const [oldest, , bad] = [await scene.ship(project), await scene.ship(project), await scene.ship(project)]
    expect(await scene.rollback(null, oldest.id)).toMatchObject({
      commit_sha: oldest.commit_sha,
      rollback_of_id: bad.id,
    })
    expect(await scene.rollback(bad.id, oldest.id)).toMatchObject({
      commit_sha: oldest.commit_sha,
      rollback_of_id: bad.id,
    })
  })

  test('of a rollback goes further back, not to what was taken back', async () => {
    const [first, second, third] = [await scene.ship(project), await scene.ship(project), await scene.ship(project)]
    const ready = async (id: string) => {
      await scene.move(id, 'building')
      return scene.move(id, 'ready')
    }
    const back = await ready((await scene.rollback(third.id)).id)
    expect(back.commit_sha).toBe(second.commit_sha)
    const further = await scene.rollback(back.id)
    expect(back).toMatchObject({ source_deployment_id: second.id, rollback_of_id: third.id })
    expect(further).toMatchObject({
      commit_sha: first.commit_sha,
      source_deployment_id: first.id,
      rollback_of_id: back.id,
    })
    const last = await ready(further.id)
    expect(await refusal(scene.rollback(last.id))).toEqual(nothing)
    // What is shipped then is taken back to where the rollbacks ended, and remembers the original.
    const fourth = await scene.ship(project)
    expect(await scene.rollback(fourth.id)).toMatchObject({
      commit_sha: first.commit_sha,
      source_deployment_id: first.id,
    })
  })

  test('needs something to take back and something to go back to', async () => {
    expect(await refusal(scene.rollback(null))).toEqual({ sqlstate: 'FH400', code: 'BAD_USER_INPUT' })
    const never = await scene.request(project)
    expect(await refusal(scene.rollback(never.id))).toEqual(nothing)
    expect(await refusal(scene.rollback(null, never.id))).toEqual(nothing)
    const first = await scene.ship(project)
    expect(await refusal(scene.rollback(first.id))).toEqual(nothing)
    expect(await refusal(scene.rollback(first.id, first.id))).toEqual(nothing)
    expect(await refusal(scene.rollback(first.id, never.id))).toEqual(nothing)
    const staging = await scene.ship(project, { environment: 'staging' })
    expect(await refusal(scene.rollback(first.id, staging.id))).toEqual(nothing)
    const second = await scene.ship(project)
    await scene.ship(project)
    expect(await refusal(scene.rollback(second.id))).toEqual({ sqlstate: 'FH422', code: 'DEPLOYMENT_NOT_CURRENT' })
    expect(await refusal(scene.rollback((await current()) ?? null, null, scene.people.vera))).toMatchObject({
      sqlstate: 'FH403',
      required: 'developer',
    })
    expect(await refusal(scene.rollback((await current()) ?? null, null, scene.people.mallory))).toEqual({
      sqlstate: 'FH404',
      code: 'DEPLOYMENT_NOT_FOUND',
    })
    expect(await scene.rollback((await current()) ?? null)).toMatchObject({ is_rollback: true })
  })
})

describe('a promotion', () => {
  test('requests what succeeded elsewhere, as it was', async () => {
    const from = await scene.ship(project, { environment: 'staging' })
    const promoted = await scene.promote(from.id)
    expect(promoted).toMatchObject({
      status: 'pending',
      promoted_from_id: from.id,
      commit_sha: from.commit_sha,
      environment: 'production',
      environment_id: await environmentOf('production'),
      is_rollback: false,
    })
    // Superseded since, it did succeed.
    await scene.ship(project, { environment: 'staging' })
    expect(await scene.promote(from.id)).toMatchObject({ commit_sha: from.commit_sha })
  })

  test('is refused for what did not succeed, for whom may not deploy, and to where nothing is', async () => {
    const unsuccessful = { sqlstate: 'FH422', code: 'DEPLOYMENT_NOT_SUCCESSFUL' }
    const pending = await scene.request(project, { environment: 'staging' })
    expect(await refusal(scene.promote(pending.id))).toEqual(unsuccessful)
    for (const status of ['failed', 'canceled', 'rolled_back'] as Status[]) {
      const { id } = await scene.request(project, { environment: 'staging' })
      await scene.rows(`update app_public.deployments set completed_at = now() where id = $1`, [id])
      await scene.force(id, status)
      expect(await refusal(scene.promote(id))).toEqual(unsuccessful)
    }
    const { id } = await scene.ship(project, { environment: 'staging' })
    expect(await refusal(scene.promote(id, 'moon'))).toEqual({ sqlstate: 'FH404', code: 'ENVIRONMENT_NOT_FOUND' })
    expect(await refusal(scene.promote(id, 'production', scene.people.vera))).toMatchObject({ sqlstate: 'FH403' })
    expect(await refusal(scene.promote(id, 'production', scene.people.mallory))).toEqual({
      sqlstate: 'FH404',
      code: 'DEPLOYMENT_NOT_FOUND',
    })
    expect(await scene.promote(id)).toMatchObject({ promoted_from_id: id })
  })
})

/** What one writer does next, to a deployment it picks by number. */
type Step = {
  readonly act:
    'request' | 'succeed' | 'run' | 'fail' | 'stop' | 'cancel' | 'rollback' | 'promote' | 'lock' | 'unlock' | 'by hand'
  readonly pick: number
}
const steps = (acts: readonly Step['act'][]) =>
  fc.array(fc.record({ act: fc.constantFrom(...acts), pick: fc.nat({ max: 5 }) }), { minLength: 4, maxLength: 8 })

/** Writers at the same time, each its own connection; what the rules refuse is refused, nothing else goes wrong. */
async function write(writers: readonly (readonly Step[])[], refused = ['FH422', 'FH409']): Promise<void> {
  project = await scene.project()
  const known: string[] = [(await scene.request(project)).id, (await scene.request(project)).id]
  const staged = await scene.ship(project, { environment: 'staging' })
  const act = async ({ act, pick }: Step): Promise<unknown> => {
    const id = known[known.length - 1 - (pick % known.length)]!
    switch (act) {
      case 'request':
        return scene.request(project).then((made: Deployment) => known.push(made.id))
      case 'succeed':
        return scene.move(id, 'building').then(() => scene.move(id, 'ready'))
      case 'run':
        return scene.move(id, 'running')
      case 'fail':
        return scene.move(id, 'failed')
      case 'stop':
        return scene.move(id, 'stopped')
      case 'cancel':
        return scene.move(id, 'canceled')
      case 'rollback':
        return scene.rollback((await current()) ?? id).then((made) => known.push(made.id))
      case 'promote':
        return scene.promote(staged.id).then((made) => known.push(made.id))
      case 'lock':
      case 'unlock':
        return lock(id, act === 'lock')
      case 'by hand':
        return byHand(id)
    }
  }
  await Promise.all(
    writers.map(async (mine) => {
      for (const step of mine)
        await act(step).catch((error) => {
          if (!refused.includes(error.code)) throw error
        })
    }),
  )
}

/** Not through the functions, so it locks the deployment before the environment; it looks early whether that is a deadlock. */
async function byHand(id: string): Promise<void> {
  const client = await scene.database.superuser.connect()
  try {
    await client.query(`set deadlock_timeout to '10ms'`)
    await client.query(`update app_public.deployments set status = 'ready' where id = $1 and status = 'building'`, [id])
  } finally {
    client.release()
  }
}

/** The history is a chain that ends where the row is. */
async function expectHistoryToLead(): Promise<void> {
  const broken = await scene.rows(
    `select d.id, d.status, h.* from app_public.deployments d, lateral (
       select array_agg(h.from_status order by h.id) as froms, array_agg(h.to_status order by h.id) as tos
       from app_public.deployment_status_history h where h.deployment_id = d.id) h
     where d.project_id = $1 and (h.froms is distinct from array_prepend(null, h.tos[:cardinality(h.tos) - 1]) or h.tos[cardinality(h.tos)] <> d.status)`,
    [project],
  )
  expect(broken).toEqual([])
}

loop(
  'however writers interleave, the newest that succeeded is current, alone',
  { short: 8, full: 100, of: 'crowds of writers' },
  async (count) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps(['request', 'succeed', 'succeed', 'run', 'cancel', 'rollback', 'promote']), {
          minLength: 3,
          maxLength: 5,
        }),
        async (writers) => {
          await write(writers)
          const environment = await environmentOf('production')
          const production: Deployment[] = await scene.rows(
            'select * from app_public.deployments where environment_id = $1 order by id',
            [environment],
          )
          const serving = production.filter(({ status }) => status === 'ready' || status === 'running')
          const succeeded = production.filter(({ status }) =>
            ['ready', 'running', 'superseded', 'rolled_back'].includes(status),
          )
          expect(production.filter((deployment) => deployment.is_current).map(({ id }) => id)).toEqual(
            serving.map(({ id }) => id),
          )
          expect(serving.map(({ id }) => id)).toEqual(succeeded.slice(-1).map(({ id }) => id))
          // Taken back is only what a rollback that succeeded named.
          for (const { id } of production.filter(({ status }) => status === 'rolled_back')) {
            expect(succeeded.some(({ rollback_of_id }) => rollback_of_id === id)).toBe(true)
          }
          await expectHistoryToLead()
          // To shrink a race is to run another race.
        },
      ),
      { numRuns: count, endOnFailure: true },
    )
  },
  60_000,
)

const all = ['request', 'succeed', 'succeed', 'run', 'fail', 'stop', 'rollback', 'lock', 'unlock'] as const
for (const [what, acts, refused] of [
  ['failures, stops and locks', all, ['FH422', 'FH409']],
  // Postgres ends one of two that wait for each other; that one may try again.
  ['writes by hand too', [...all, 'by hand', 'by hand'], ['FH422', 'FH409', '40P01']],
] as const)
  loop(
    `with ${what} there is never more than one, and it is the last that became current`,
    { short: 8, full: 100, of: 'crowds of writers' },
    async (count) => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps(acts), { minLength: 3, maxLength: 5 }), async (writers) => {
          await write(writers, [...refused])
          const environment = await environmentOf('production')
          const production: Deployment[] = await scene.rows(
            'select * from app_public.deployments where environment_id = $1 order by id',
            [environment],
          )
          const [now, ...more] = production.filter((deployment) => deployment.is_current)
          expect(more).toEqual([])
          if (now) {
            expect(['ready', 'running']).toContain(now.status)
            const promoted = production
              .filter(({ promoted_at }) => promoted_at !== null)
              .map(({ promoted_at }) => (promoted_at as Date).getTime())
            expect((now.promoted_at as Date).getTime()).toBe(Math.max(...promoted))
          }
          await expectHistoryToLead()
        }),
        { numRuns: count, endOnFailure: true },
      )
    },
  )

test('of many that succeed at the same time one is current, the newest', async () => {
  const requested = await Promise.all(Array.from({ length: 8 }, () => scene.request(project)))
  await Promise.all(requested.map(({ id }) => scene.move(id, 'building')))
  await Promise.all(requested.map(({ id }) => scene.move(id, 'ready')))
  const newest = requested
    .map(({ id }) => id)
    .sort()
    .at(-1)
  expect(
    await scene.rows(
      'select id, status from app_public.deployments where project_id = $1 and (is_current or status <> $2)',
      [project, 'superseded'],
    ),
  ).toEqual([{ id: newest, status: 'ready' }])
})
