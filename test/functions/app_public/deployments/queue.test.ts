import { call } from '../../../../src/db/call.ts'
import { openScene, type Deployment, type Scene } from './scene.ts'
import { ask, askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'
import { loop } from '../../../support/loops.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
})
beforeEach(async () => {
  await scene.rows(
    `update app_public.deployments set status = 'canceled' where status in ('pending', 'queued', 'building', 'deploying')`,
  )
  project = await scene.project({ maxBuilds: 1, isSuperseding: true })
})
afterAll(() => scene.database.close())

const statuses = async (ids: readonly string[]) =>
  await Promise.all(ids.map(async (id) => (await scene.get(id)).status))
const held = async (): Promise<number> =>
  (
    await scene.rows(
      'select count(*)::integer from app_public.deployments where project_id = $1 and runner is not null',
      [project],
    )
  )[0].count
const set = (what: string) =>
  ask(scene.database, scene.people.alice, `update app_public.project_environments set ${what} where project_id = $1`, [
    project,
  ])
const expire = (id: string) =>
  scene.rows(`update app_public.deployments set lease_expires_at = now() - interval '1 second' where id = $1`, [id])

describe('what waits', () => {
  test('gives way to a newer request of its environment, and says to which', async () => {
    const staging = await scene.request(project, { environment: 'staging' })
    const [first, second] = [await scene.request(project), await scene.request(project)]
    expect(await scene.get(first.id)).toMatchObject({
      status: 'superseded',
      status_reason: `Deployment ${second.id} was requested later`,
    })
    expect(await statuses([staging.id, second.id])).toEqual(['pending', 'pending'])
    expect((await scene.history(first.id)).map(({ to_status }) => to_status)).toEqual(['pending', 'superseded'])
  })

  test('stays where the environment builds everything', async () => {
    await set('supersedes_waiting = false')
    const [first, second] = [await scene.request(project), await scene.request(project)]
    expect(await statuses([first.id, second.id])).toEqual(['pending', 'pending'])
  })

  test('is left alone when it is a rollback, and a rollback takes no place', async () => {
    const [good, bad] = [await scene.ship(project), await scene.ship(project)]
    const push = await scene.request(project)
    const back = await scene.rollback(bad.id)
    expect(await statuses([push.id, back.id])).toEqual(['pending', 'pending'])
    const newer = await scene.request(project)
    expect(await statuses([push.id, back.id, newer.id])).toEqual(['superseded', 'pending', 'pending'])
    expect(await scene.get(back.id)).toMatchObject({ source_deployment_id: good.id })
  })

  test('is not taken from a runner by a newer one, but goes with its lease', async () => {
    const first = await scene.request(project)
    await scene.claim('r1')
    const second = await scene.request(project)
    expect(await statuses([first.id, second.id])).toEqual(['building', 'pending'])
    await expire(first.id)
    expect(await call(scene.database.worker, 'app_private.requeue_lost_deployments')).toBe(1)
    expect(await statuses([first.id, second.id])).toEqual(['superseded', 'pending'])
    expect(await scene.claim('r2')).toMatchObject({ id: second.id })
  })

  test('and may be built does not give way to what still waits for its approval', async () => {
    const approve = (id: string) =>
      askOne(scene.database, scene.people.alice, 'select * from app_public.approve_deployment($1)', [id])
    await set('requires_approval = true')
    const first = await scene.request(project)
    await approve(first.id)
    const [second, third] = [await scene.request(project), await scene.request(project)]
    expect(await statuses([first.id, second.id, third.id])).toEqual(['queued', 'superseded', 'pending'])
    await approve(third.id)
    expect(await statuses([first.id, third.id])).toEqual(['superseded', 'queued'])
  })
})

test('an environment builds so many at once as it says', async () => {
  await set('supersedes_waiting = false')
  const [first, second, third] = [
    await scene.request(project),
    await scene.request(project),
    await scene.request(project),
  ]
  const staging = await scene.request(project, { environment: 'staging' })
  expect(await scene.claim('r1')).toMatchObject({ id: first.id })
  expect(await scene.claim('r2')).toMatchObject({ id: staging.id })
  expect(await scene.claim('r3')).toBeUndefined()
  expect(await scene.claim('r3', { id: second.id })).toBeUndefined()
  await set('max_builds = 2')
  expect(await scene.claim('r3', { id: third.id })).toMatchObject({ id: third.id })
  expect(await scene.claim('r4')).toBeUndefined()
  await scene.move(first.id, 'failed')
  expect(await scene.claim('r4')).toMatchObject({ id: second.id })
  for (const wrong of [0, 101, -1])
    expect(await refusal(set(`max_builds = ${wrong}`))).toMatchObject({ code: 'project_environments_max_builds_check' })
})

test('one deployment can be claimed by name, by who sees it', async () => {
  const { id } = await scene.request(project)
  expect(await refusal(scene.claim('r', { id, as: scene.people.mallory }))).toEqual({
    sqlstate: 'FH404',
    code: 'DEPLOYMENT_NOT_FOUND',
  })
  expect(await scene.claim('ci', { id })).toMatchObject({ id, status: 'building', runner: 'ci' })
  expect(await scene.claim('ci', { id })).toBeUndefined()
  await scene.move(id, 'ready')
  expect(await scene.claim('ci', { id })).toBeUndefined()
})

loop(
  'of runners that claim at once, never more than max_builds hold an environment',
  { short: 4, full: 60, of: 'crowds of runners' },
  async (count) => {
    for (let round = 0; round < count; round += 1) {
      const maxBuilds = 1 + (round % 3)
      project = await scene.project({ maxBuilds })
      const other = await scene.project({ maxBuilds: 1 })
      const requested = await Promise.all(
        Array.from({ length: 6 }, (_, i) => scene.request(i % 3 === 2 ? other : project)),
      )
      const built: string[] = []
      let most = 0
      await Promise.all(
        Array.from({ length: 6 }, async (_, runner) => {
          while (built.length < requested.length) {
            const mine = await scene.claim(`r${runner}`)
            if (!mine) continue
            most = Math.max(most, mine.project_id === project ? await held() : 0)
            await scene.move(mine.id, 'deploying')
            await scene.move(mine.id, 'failed')
            built.push(mine.id)
          }
        }),
      )
      expect(most).toBeLessThanOrEqual(maxBuilds)
      expect(built.sort()).toEqual(requested.map(({ id }) => id).sort())
    }
  },
)

loop(
  'of requests and claims at once, one deployment is built, the newest one waits, and no other does',
  { short: 6, full: 100, of: 'crowds' },
  async (count) => {
    for (let round = 0; round < count; round += 1) {
      project = await scene.project({ maxBuilds: 1, isSuperseding: true })
      const first = await scene.request(project)
      const [claims, requests] = [
        Array.from({ length: 4 }, (_, i) => scene.claim(`r${i}`)),
        Array.from({ length: 4 }, () => scene.request(project)),
      ]
      const got = (await Promise.all(claims)).filter((each) => each !== undefined)
      const newest = [first, ...(await Promise.all(requests))]
        .map(({ id }) => id)
        .sort()
        .at(-1)
      expect(got.length).toBeLessThanOrEqual(1)
      expect(await held()).toBe(got.length)
      const waiting: Deployment[] = await scene.rows(
        `select * from app_public.deployments where project_id = $1 and status in ('pending', 'queued')`,
        [project],
      )
      expect(waiting.map(({ id }) => id)).toEqual(got[0]?.id === newest ? [] : [newest])
      if (got.length === 0) expect(await scene.claim('r9')).toMatchObject({ id: newest })
      await scene.rows(
        `update app_public.deployments set status = 'canceled' where project_id = $1 and status in ('pending', 'queued', 'building')`,
        [project],
      )
    }
  },
)

loop(
  'when a lease runs out while its bearer finishes and somebody cancels, one of them has it',
  { short: 8, full: 150, of: 'races' },
  async (count) => {
    project = await scene.project({ maxBuilds: 1 })
    const seen = new Set<string>()
    for (let round = 0; round < count; round += 1) {
      const { id } = await scene.request(project)
      const { token } = (await scene.claim('r1', { id }))!
      await expire(id)
      const outcome = (work: Promise<unknown>) =>
        work.then(
          () => 'done',
          (error: { code?: string }) => error.code,
        )
      const [finished, canceled] = await Promise.all([
        outcome(scene.move(id, 'ready', { lease: token, url: 'https://shop.test' })),
        outcome(scene.move(id, 'canceled', { lease: null })),
        call(scene.database.worker, 'app_private.requeue_lost_deployments'),
        scene.claim('r2', { id }),
      ])
      const { status, deployment_url } = await scene.get(id)
      seen.add(status)
      expect(['done', 'FH409', 'FH422']).toEqual(expect.arrayContaining([finished, canceled]))
      expect(deployment_url).toBe(finished === 'done' ? 'https://shop.test' : null)
      if (finished === 'done') expect([status, canceled]).toEqual(['ready', 'FH422'])
      else if (canceled === 'done') expect(status).toBe('canceled')
      await scene.rows(
        `update app_public.deployments set status = 'canceled' where id = $1 and status in ('queued', 'building')`,
        [id],
      )
    }
    expect(seen.size).toBeGreaterThan(0)
  },
)

loop(
  'requests, claims, rollbacks and the end of the project at once never wait for each other in a circle',
  { short: 6, full: 150, of: 'crowds' },
  async (count) => {
    const outcome = (work: Promise<unknown>) =>
      work.then(
        () => 'done',
        (error: { code?: string }) => error.code,
      )
    for (let round = 0; round < count; round += 1) {
      project = await scene.project({ maxBuilds: 2, isSuperseding: true })
      await scene.ship(project)
      const current = await scene.ship(project)
      const building = await scene.request(project)
      await scene.claim('r1', { id: building.id })
      await scene.request(project)
      const end = round % 2 === 0 ? 'delete_project' : 'archive_project'
      const outcomes = await Promise.all([
        outcome(scene.request(project)),
        outcome(scene.move(building.id, 'ready')),
        outcome(scene.rollback(current.id)),
        outcome(ask(scene.database, scene.people.alice, `select app_public.${end}($1)`, [project])),
        outcome(scene.request(project)),
        outcome(scene.claim('r2')),
        outcome(call(scene.database.worker, 'app_private.requeue_lost_deployments')),
      ])
      expect(['done', 'FH404', 'FH409', 'FH422']).toEqual(expect.arrayContaining([...new Set(outcomes)]))
      expect(outcomes[3]).toBe('done')
    }
  },
)
