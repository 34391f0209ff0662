import { testDatabase, type TestDatabase } from '../../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

test('mails that were sent lately cost the sweep nothing', async () => {
  await database.superuser.query(`
    insert into app_private.emails (kind, recipient, created_at, sent_at)
    select 'reset_password', 'somebody' || n || '@example.test', t, t
    from generate_series(1, 60000) n
    cross join lateral (select now() - make_interval(days => case when n = 1 then 8 else 0 end) as t) t`)
  await database.superuser.query('vacuum analyze app_private.emails')
  const worker = await database.worker.connect()
  try {
    const { rows: swept } = await worker.query('select app_private.sweep_expired() as count')
    expect(swept).toEqual([{ count: 1 }])
    const { rows } = await worker.query('explain (analyze, buffers, format json) select app_private.sweep_expired()')
    const plan = rows[0]['QUERY PLAN'][0].Plan
    const { rows: sizes } = await database.superuser.query(
      `select (pg_relation_size('app_private.emails') / 8192)::integer as pages`,
    )
    expect(sizes[0].pages).toBeGreaterThan(500)
    expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(sizes[0].pages / 2)
  } finally {
    worker.release()
  }
})
