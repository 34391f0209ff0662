import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { publishSeals, readPublishedSeals } from '../../src/audit/publishedSeals.ts'
import { withTenant } from '../../src/db/withTenant.ts'
import { startWorker, workerConfig } from '../worker/support.ts'
import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { findings, seal, verify } from './support.ts'
import { ask } from '../support/ask.ts'
import { until } from '../support/until.ts'
import { loop } from '../support/loops.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
let folder: string
let file: string
beforeAll(async () => {
  database = await testDatabase({ isAlone: true })
  world = await namedPeople(database)
})
afterAll(() => database.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-seals-'))
  file = join(folder, 'kept', 'seals.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const publish = () => withTenant(database.worker, {}, (client) => publishSeals(client, file))
const change = (name: string) =>
  ask(database, world.alice, 'insert into app_public.projects (name, slug) values ($1::text, $1)', [name])
const lines = () =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
async function allSeals() {
  const { rows } = await database.superuser.query(`
    select tenant_id as "tenantId", number::integer, until_transaction::text as "untilTransaction", row_count::integer as "rowCount",
      encode(digest, 'hex') as digest from audit.seals order by created_at`)
  return rows
}

test('every seal is one line, in order of making, and none is written twice', async () => {
  await seal(database, 10)
  const seals = await allSeals()
  expect(await publish()).toBe(seals.length)
  expect(lines()).toMatchObject(seals)
  expect(await publish()).toBe(0)
  await change('one')
  await seal(database)
  const grown = await allSeals()
  expect(grown.length).toBeGreaterThan(seals.length)
  expect(await publish()).toBe(grown.length - seals.length)
  expect(lines()).toMatchObject(grown)
  expect(lines().at(-1).createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  expect(await findings(database, { published: (await readPublishedSeals(file)).seals })).toEqual([])
})

test('what a crash tore is ended and written again, and read over', async () => {
  await seal(database)
  await publish()
  const whole = readFileSync(file, 'utf8')
  const { length } = lines()
  for (const cut of [1, 100, 200]) {
    writeFileSync(file, whole.slice(0, -cut))
    const isWholeLine = cut === 1
    expect(await publish()).toBe(1)
    const { seals, damaged } = await readPublishedSeals(file)
    expect([seals.length, damaged]).toEqual(isWholeLine ? [length + 1, []] : [length, [length]])
    expect(await findings(database, { published: seals })).toEqual([])
  }
})

loop(
  'processes killed while they publish leave nothing out',
  { short: 4, full: 60, of: 'killed processes' },
  async (count) => {
    await seal(database)
    for (let round = 0; round < count; round++) {
      await change(`killed-${round}`)
      await seal(database)
      const child = spawn(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `
      import pg from 'pg'
      import { publishSeals } from ${JSON.stringify(join(import.meta.dirname, '../../src/audit/publishedSeals.ts'))}
      const client = new pg.Client(${JSON.stringify(database.urls.worker)})
      await client.connect()
      process.stdout.write('ready')
      const { writeSync } = await import('node:fs')
      for (;;) {
        await client.query('begin'); writeSync(1, '.')
        await publishSeals(client, ${JSON.stringify(file)}); writeSync(1, '.')
        await client.query('commit'); writeSync(1, '.')
      }`,
        ],
        { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const gone = once(child, 'exit')
      // At another step each time: before it begins, in the middle of the file, before the commit, after it.
      const { promise: isThere, resolve } = Promise.withResolvers<void>()
      let steps = -'ready'.length
      child.stdout!.on('data', (chunk: Buffer) => {
        steps += chunk.length
        if (steps >= round % 4) resolve()
      })
      await isThere
      child.kill('SIGKILL')
      await gone
    }
    await publish()
    const seen = new Set(lines().map((line) => `${line.tenantId} ${line.number} ${line.digest}`))
    expect(seen).toEqual(new Set((await allSeals()).map((line) => `${line.tenantId} ${line.number} ${line.digest}`)))
  },
)

test('the worker seals and publishes by itself', async () => {
  const config = workerConfig()
  const worker = await startWorker(database, config)
  try {
    await seal(database)
    await change('by-worker')
    await database.superuser.query(`select graphile_worker.add_job('audit__seal')`)
    // The clock may strike while we look: then there is one more seal, and one more line a moment later.
    await until(
      async () =>
        existsSync(config.auditSealsFile) &&
        (await readPublishedSeals(config.auditSealsFile)).seals.length === (await allSeals()).length,
    )
    const { seals } = await readPublishedSeals(config.auditSealsFile)
    expect(seals).toMatchObject((await allSeals()).slice(0, seals.length))
  } finally {
    await worker.stop()
    config.remove()
  }
})

test('a ledger that was rewritten and sealed anew passes by itself, and not against the file', async () => {
  await change('rewritten')
  await seal(database)
  await publish()
  const { seals } = await readPublishedSeals(file)
  // All that somebody who may do everything can do: another version, then a whole new chain that holds in itself.
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  await client.query('set session_replication_role to replica')
  await client.query(`update audit.row_versions set snapshot = snapshot || '{"description": "as if it had always been"}'
    where table_name = 'projects' and action = 'insert' and snapshot ->> 'name' = 'rewritten'`)
  await client.query('truncate audit.seals')
  await client.end()
  await seal(database)
  expect(await findings(database)).toEqual([])
  const found = await findings(database, { published: seals })
  expect(found.length).toBeGreaterThan(0)
  expect(found.every(({ kind }) => kind === 'seal')).toBe(true)
  expect(found.map(({ what }) => what).join('\n')).toMatch(
    /rewritten: it is not the seal that was published at|is gone from the chain/,
  )
})

test('the newest seals can not be taken away with their versions', async () => {
  await seal(database)
  await publish()
  await change('forgotten')
  await seal(database)
  await publish()
  const { seals } = await readPublishedSeals(file)
  expect(await findings(database, { published: seals })).toEqual([])
  const last = (await verify(database, { tenant: 'acme' }))[0]!.seals
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  await client.query('set session_replication_role to replica')
  await client.query(
    `delete from audit.row_versions v using audit.seals s
    where s.tenant_id = $1 and s.number = $2 and v.tenant_id = s.tenant_id and v.transaction_id >= s.from_transaction and v.transaction_id < s.until_transaction`,
    [world.tenants.acme.id, last],
  )
  await client.query('delete from audit.seals where tenant_id = $1 and number = $2', [world.tenants.acme.id, last])
  await client.end()
  expect(await findings(database)).toEqual([])
  expect(await findings(database, { published: seals })).toMatchObject([
    { kind: 'seal', seal: last, what: expect.stringContaining('is gone from the chain') },
  ])
})

test('a line that is no seal is told by its number', async () => {
  await publish()
  const { seals } = await readPublishedSeals(file)
  appendFileSync(file, 'nonsense\n{"tenantId": 1}\n')
  expect(await readPublishedSeals(file)).toEqual({ seals, damaged: [seals.length + 1, seals.length + 2] })
})
