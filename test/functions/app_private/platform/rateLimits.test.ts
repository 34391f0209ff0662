import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { stopClock } from '../../../support/clock.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  // Counters have windows that end with the minute: what is counted here must not straddle that.
  await stopClock(database)
})
afterAll(() => database.close())

const take = async (subject: string, limit = 5, seconds = 60): Promise<boolean> =>
  (
    await database.superuser.query(`select app_private.take_rate_limit('test', $1, $2, $3) as is_taken`, [
      subject,
      seconds,
      limit,
    ])
  ).rows[0].is_taken
const count = async (subject: string, seconds = 60): Promise<number> =>
  (await database.superuser.query(`select app_private.rate_limit_count('test', $1, $2) as count`, [subject, seconds]))
    .rows[0].count

test('as many pass as may, exactly, however many come at once', async () => {
  const results = await Promise.all(Array.from({ length: 40 }, () => take('burst', 13)))
  expect(results.filter(Boolean)).toHaveLength(13)
  expect(await count('burst')).toBe(40)
})

test('subjects and windows are counted apart', async () => {
  for (let i = 0; i < 5; i += 1) expect(await take('one')).toBe(true)
  expect(await take('one')).toBe(false)
  expect(await take('two')).toBe(true)
  expect(await take('one', 5, 900)).toBe(true)
  expect([await count('one'), await count('two'), await count('one', 900), await count('three')]).toEqual([6, 1, 1, 0])
})

test('a new window begins from nothing', async () => {
  for (let i = 0; i < 5; i += 1) await take('again')
  expect(await take('again')).toBe(false)
  await database.superuser.query(
    `update app_private.rate_limits set window_start = window_start - interval '1 minute' where subject_id = 'again'`,
  )
  expect(await count('again')).toBe(0)
  expect(await take('again')).toBe(true)
})

test('what rolls back is not counted', async () => {
  const client = await database.superuser.connect()
  await client.query('begin')
  await client.query(`select app_private.take_rate_limit('test', 'undone', 60, 5)`)
  await client.query('rollback')
  client.release()
  expect(await count('undone')).toBe(0)
})

test('the sweep takes away what is a day old, and no younger counter', async () => {
  await take('old')
  await take('young')
  await database.superuser.query(
    `update app_private.rate_limits set window_start = now() - interval '25 hours' where subject_id = 'old'`,
  )
  await database.worker.query('select app_private.sweep_expired()')
  const { rows } = await database.superuser.query(
    `select subject_id from app_private.rate_limits where subject_id in ('old', 'young')`,
  )
  expect(rows).toEqual([{ subject_id: 'young' }])
})

test('nobody but the platform counts', async () => {
  await expect(
    database.authenticator.query(`select app_private.take_rate_limit('test', 'x', 60, 5)`),
  ).rejects.toMatchObject({ code: '42501' })
  expect(await take('x')).toBe(true)
})
