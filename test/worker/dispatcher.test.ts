import { jest } from '@jest/globals'
import pg from 'pg'
import { makeLogger } from '../../src/log.ts'
import { startDispatcher, type Dispatcher } from '../../src/worker/dispatcher.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { openShop, type Shop } from './support.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let shop: Shop
let heard: { id: string; type: string }[]
let listener: pg.Client
beforeAll(async () => {
  database = await testDatabase()
  shop = await openShop(database, 'alice')
  listener = new pg.Client({ connectionString: database.urls.authenticator })
  await listener.connect()
  listener.on('notification', ({ payload }) => heard.push(JSON.parse(payload ?? '')))
  await listener.query(`listen ${pg.escapeIdentifier(`events:${shop.tenantId}`)}`)
})
afterAll(async () => {
  await listener.end()
  await database.close()
})
beforeEach(async () => {
  await database.superuser.query('delete from app_private.undispatched_events')
  heard = []
})

const OTHER_TIMERS = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setTimeout',
  'clearTimeout',
] as const
const start = (intervalMs = 60_000): Promise<Dispatcher> =>
  startDispatcher({
    connectionString: database.urls.worker,
    pool: database.worker,
    log: makeLogger({ level: 'silent' }),
    intervalMs,
  })
const record = (count: number) =>
  database.superuser.query(
    `select app_private.record_event('project.created', $1, 'project', $2, $2) from generate_series(1, $3)`,
    [shop.tenantId, shop.projectId, count],
  )
const waiting = async () => (await database.superuser.query('select from app_private.undispatched_events')).rowCount

test('what waits at the start goes out at once', async () => {
  await record(3)
  const dispatcher = await start()
  await until(() => heard.length === 3)
  await dispatcher.stop()
})

test('three dispatchers send two thousand events once each', async () => {
  const dispatchers = await Promise.all([start(), start(), start()])
  const { rows } = await record(2000)
  await until(async () => (await waiting()) === 0)
  await until(() => heard.length >= 2000)
  expect(new Set(heard.map(({ id }) => id)).size).toBe(2000)
  expect([heard.length, rows.length]).toEqual([2000, 2000])
  await Promise.all(dispatchers.map((each) => each.stop()))
})

test('a lost connection is replaced, and what came meanwhile goes out', async () => {
  const dispatcher = await start()
  await database.superuser.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'freehold-listener%'`,
  )
  await record(1)
  await until(() => heard.length === 1)
  await dispatcher.stop()
})

test('a notification that was lost costs no more than the interval', async () => {
  const dispatcher = await start(50)
  await database.superuser.query('alter table app_private.undispatched_events disable trigger all')
  try {
    await record(1)
    await until(() => heard.length === 1)
  } finally {
    await database.superuser.query('alter table app_private.undispatched_events enable trigger all')
    await dispatcher.stop()
  }
})

test('a stopped dispatcher takes nothing', async () => {
  // The clock of the dispatcher alone; connections and `until` keep theirs.
  jest.useFakeTimers({ doNotFake: [...OTHER_TIMERS] })
  try {
    await (await start(20)).stop()
    await record(1)
    const queries = jest.spyOn(database.worker, 'query')
    jest.advanceTimersByTime(1000)
    expect(queries).not.toHaveBeenCalled()
    expect(await waiting()).toBe(1)

    // One that was not stopped asks at each stroke.
    const dispatcher = await start(20)
    queries.mockClear()
    jest.advanceTimersByTime(1000)
    await until(async () => (await waiting()) === 0)
    await until(() => queries.mock.calls.length > 0)
    queries.mockRestore()
    await dispatcher.stop()
  } finally {
    jest.useRealTimers()
  }
})
