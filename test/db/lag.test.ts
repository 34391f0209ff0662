import { Writable } from 'node:stream'
import { watchLag, type LagWatch } from '../../src/db/lag.ts'
import { call } from '../../src/db/call.ts'
import { makeLogger } from '../../src/log.ts'
import { stopClock, type Clock } from '../support/clock.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
let clock: Clock
let watch: LagWatch
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  // A transaction of another test, which shares the cluster, would be measured too.
  database = await testDatabase({ isAlone: true })
  people = await namedPeople(database)
  await call(database.worker, 'app_private.dispatch_events', { max_count: 1000 })
  clock = await stopClock(database, Date.now())
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  watch = watchLag({ pool: database.authenticator, log: makeLogger({ destination }), intervalMs: 3_600_000 })
  await watch.measure()
})
beforeEach(() => lines.splice(0))
afterAll(async () => {
  await watch.stop()
  await database.close()
})

/** What is logged when it is measured after so many seconds. */
async function after(seconds: number): Promise<unknown[]> {
  await clock.advance(seconds)
  await watch.measure()
  return lines.splice(0).map(({ level, code, limit, detail, msg }) => [level, code, limit, detail, msg])
}
const seal = () => call(database.worker, 'app_private.seal_audit')

test('a transaction that stays open is told with its holder, once, and once that it is over; so is what it holds back', async () => {
  await seal()
  await seal()
  const slow = await database.superuser.connect()
  await slow.query('begin')
  await slow.query('select pg_current_xact_id()')
  const {
    rows: [{ pid }],
  } = await slow.query('select pg_backend_pid() as pid')
  expect(await after(200)).toEqual([])
  expect(watch.current.transaction).toBeGreaterThan(190)
  const holder = expect.stringMatching(
    new RegExp(`^process ${pid}, freehold-test-superuser \\d+ of postgres in ${database.name}, idle in transaction$`),
  )
  expect(await after(150)).toEqual([['warn', 'LAG_TRANSACTION', 300, holder, 'the database lags']])
  expect(await after(100)).toEqual([])

  // The sealer runs and comes no further.
  await seal()
  await clock.advance(60)
  await seal()
  expect(await after(200)).toEqual([['warn', 'LAG_SEALS', 600, null, 'the database lags']])
  expect(watch.current.seals).toBeGreaterThan(600)
  await slow.query('commit')
  slow.release()
  await seal()
  await clock.advance(60)
  await seal()
  expect(await after(1)).toEqual([
    ['info', 'LAG_SEALS', 600, null, 'the database lags no more'],
    ['info', 'LAG_TRANSACTION', 300, null, 'the database lags no more'],
  ])
  expect(watch.current.seals).toBeLessThan(120)
})

test('a sealer that does not run is told', async () => {
  await seal()
  expect(await after(700)).toEqual([['warn', 'LAG_SEALS', 600, null, 'the database lags']])
  await seal()
  await clock.advance(1)
  await seal()
  expect(await after(1)).toEqual([['info', 'LAG_SEALS', 600, null, 'the database lags no more']])
})

test('an event that nobody dispatches is told', async () => {
  const {
    rows: [{ id }],
  } = await database.superuser.query(
    `select app_private.record_event('project.created', $1, 'project', uuidv7(), null) as id`,
    [people.tenants.acme.id],
  )
  await seal()
  // Recorded by the true clock; the one of the test is ahead.
  expect(await after(60)).toEqual([['warn', 'LAG_OUTBOX', 60, `event ${id}`, 'the database lags']])
  await call(database.worker, 'app_private.dispatch_events')
  expect(await after(0)).toEqual([['info', 'LAG_OUTBOX', 60, null, 'the database lags no more']])
  expect(watch.current.outbox).toBe(0)
})

test('nobody measures but the processes, and the roles of these have a bound to their transactions', async () => {
  await expect(database.superuser.query('set role app_user; select app_private.measure_lag()')).rejects.toMatchObject({
    code: '42501',
  })
  for (const [pool, timeout] of [
    [database.authenticator, '5min'],
    [database.worker, '5min'],
    [database.owner, '0'],
  ] as const) {
    const { rows } = await pool.query('show transaction_timeout')
    expect(rows).toEqual([{ transaction_timeout: timeout }])
  }
})
