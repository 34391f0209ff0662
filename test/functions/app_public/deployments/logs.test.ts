import { openScene, type Scene } from './scene.ts'
import { type Bearer, askOne } from '../../../support/ask.ts'
import { listen } from '../../../support/listen.ts'
import { refusal } from '../../../support/refusal.ts'

let scene: Scene
let id: string
beforeAll(async () => {
  scene = await openScene()
})
/** A deployment that is being built. */
const begin = async (): Promise<void> => {
  ;({ id } = await scene.request(await scene.project()))
  await scene.claim('r1', { id })
}
beforeEach(begin)
afterAll(() => scene.database.close())

const append = async (
  messages: string[],
  batch: string | null = null,
  as: Bearer = { token: scene.runnerKey },
  { lease = scene.lease(id) ?? null, source = null as string | null } = {},
): Promise<number> =>
  Number(
    (
      await askOne(
        scene.database,
        as,
        `select app_public.append_deployment_logs($1, array(select row(m, null, $5::app_public.log_source, null, null, null, null)::app_public.log_line from unnest($2::text[]) m), $3, $4) as last`,
        [id, messages, batch, lease, source],
      )
    ).last,
  )
const stored = async (): Promise<{ sequence: number; message: string }[]> =>
  scene.rows(
    'select sequence::integer, message from app_public.deployment_logs where deployment_id = $1 order by sequence',
    [id],
  )
const gapless = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

test('lines are numbered from one, in the order they are given', async () => {
  expect(await append(['a', 'b', 'c'])).toBe(3)
  expect(await append(['d'])).toBe(4)
  expect(await append([])).toBe(4)
  expect(await stored()).toEqual(['a', 'b', 'c', 'd'].map((message, i) => ({ sequence: i + 1, message })))
})

test('what a line leaves out is filled in', async () => {
  await askOne(
    scene.database,
    { token: scene.runnerKey },
    `select app_public.append_deployment_logs($1, array[
    row('plain', null, null, null, null, null, null), row('full', 'error', 'runtime', '2026-01-02 03:04:05Z', 'api', 'api-1', 'shipper')]::app_public.log_line[], lease_token => $2)`,
    [id, scene.lease(id)],
  )
  const rows = await scene.rows(
    'select message, level, source, "timestamp", service_name, container_name, daemon from app_public.deployment_logs where deployment_id = $1 order by sequence',
    [id],
  )
  expect(rows).toEqual([
    {
      message: 'plain',
      level: 'info',
      source: 'build',
      timestamp: expect.any(Date),
      service_name: null,
      container_name: null,
      daemon: null,
    },
    {
      message: 'full',
      level: 'error',
      source: 'runtime',
      timestamp: new Date('2026-01-02T03:04:05Z'),
      service_name: 'api',
      container_name: 'api-1',
      daemon: 'shipper',
    },
  ])
})

test('four writers at once leave no gap, keep each batch together, and tell the last number', async () => {
  const listener = await listen(scene.database, `deployment_logs:${id}`)
  const ends = (
    await Promise.all(
      gapless(4).map(async (writer) => {
        const mine: number[] = []
        for (const batch of gapless(10))
          mine.push(await append(gapless(1 + ((writer * batch) % 7)).map((line) => `${writer}.${batch}.${line}`)))
        return mine
      }),
    )
  ).flat()
  const lines = await stored()
  expect(lines.map((line) => line.sequence)).toEqual(gapless(lines.length))
  const batches = lines.map((line) => line.message.split('.').map(Number))
  for (const [place, [writer, batch, line]] of batches.entries())
    if (line !== 1) expect(batches[place - 1]).toEqual([writer, batch, line! - 1])
  expect(new Set(ends).size).toBe(40)
  expect(Math.max(...ends)).toBe(lines.length)
  // In the order of commit, so a reader who was told n finds 1..n.
  const told = (await listener.heard()).map((payload) => JSON.parse(payload).sequence)
  expect(told).toEqual([...ends].sort((a, b) => a - b))
  await listener.close()
})

test('a batch sent again, also at the same time, is stored once', async () => {
  const answers = await Promise.all(gapless(6).map(() => append(['x', 'y'], 'batch-1')))
  expect(new Set(answers)).toEqual(new Set([2]))
  expect(await append(['z'], 'batch-2')).toBe(3)
  expect(await append(['x', 'y'], 'batch-1')).toBe(2)
  expect((await stored()).map((line) => line.message)).toEqual(['x', 'y', 'z'])
  expect(await refusal(append(['other'], 'batch-1'))).toEqual({ sqlstate: 'FH409', code: 'IDEMPOTENCY_KEY_REUSED' })
  // The name of a batch belongs to its deployment.
  const first = id
  await begin()
  expect(await append(['other'], 'batch-1')).toBe(1)
  expect(first).not.toBe(id)
})

test('a thousand lines go at once, not one more', async () => {
  expect(await refusal(append(gapless(1001).map(String)))).toEqual({ sqlstate: 'FH400', code: 'BATCH_TOO_LARGE' })
  expect(await stored()).toEqual([])
  expect(await append(gapless(1000).map(String))).toBe(1000)
  expect(await refusal(append(['x'.repeat(65_537)]))).toMatchObject({
    sqlstate: '23514',
    code: 'deployment_logs_message_check',
  })
  expect(await append(['x'.repeat(65_536)])).toBe(1001)
})

test('developers write, of their tenant', async () => {
  expect(await refusal(append(['x'], null, scene.people.vera))).toMatchObject({
    sqlstate: 'FH403',
    required: 'developer',
  })
  expect(await refusal(append(['x'], null, scene.people.mallory))).toEqual({
    sqlstate: 'FH404',
    code: 'DEPLOYMENT_NOT_FOUND',
  })
  expect(await append(['x'], null, scene.people.bob)).toBe(1)
})

test('lines of building and deploying are written by the bearer of the lease, as long as it is held', async () => {
  const lost = { sqlstate: 'FH409', code: 'LEASE_LOST' }
  const [runner, bob] = [{ token: scene.runnerKey }, scene.people.bob]
  for (const lease of [null, 'fh_lease_guessed', '']) {
    for (const source of [null, 'build', 'deploy'])
      expect(await refusal(append(['forged'], null, bob, { lease, source }))).toEqual({ ...lost, status: 'building' })
  }
  expect(await append(['mine'], 'one', runner, { source: 'deploy' })).toBe(1)
  // What runs has no runner; a token that is given must be right all the same.
  expect(await append(['serving'], null, bob, { lease: null, source: 'runtime' })).toBe(2)
  expect(await refusal(append(['x'], null, bob, { lease: 'fh_lease_guessed', source: 'runtime' }))).toMatchObject(lost)
  const lease = scene.lease(id)!
  await scene.move(id, 'ready')
  expect(await refusal(append(['late'], null, runner, { lease }))).toEqual({ ...lost, status: 'ready' })
  expect(await refusal(append(['late'], null, bob, { lease: null }))).toEqual({ ...lost, status: 'ready' })
  // The answer to a batch that is in can be asked for again.
  expect(await append(['mine'], 'one', runner, { source: 'deploy' })).toBe(1)
  expect(await append(['serving'], null, bob, { lease: null, source: 'runtime' })).toBe(3)
  expect((await stored()).map(({ message }) => message)).toEqual(['mine', 'serving', 'serving'])
})

test('a failed append leaves no gap', async () => {
  await append(['a'])
  await refusal(append(['b', 'x'.repeat(65_537)]))
  expect(await append(['c'])).toBe(2)
})

test('lines go with their deployment', async () => {
  await append(['a', 'b'])
  await scene.rows('delete from app_public.deployments where id = $1', [id])
  expect(await stored()).toEqual([])
})
