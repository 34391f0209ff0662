import { testDatabase, type TestDatabase } from '../support/database.ts'
import { withTenant } from '../../src/db/withTenant.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const settings = `select current_user as "user", current_setting('app.tenant_id') as tenant, current_setting('app.actor_type') as actor,
                         current_setting('app.user_id') as user_id`

test('claims reach the transaction, and the worker stays itself', async () => {
  const tenant_id = '01890000-0000-7000-8000-000000000001'
  const { rows } = await withTenant(database.worker, { tenant_id }, (client) => client.query(settings))
  expect(rows).toEqual([{ user: 'freehold_worker', tenant: tenant_id, actor: 'worker', user_id: '' }])
})

test('a role among the claims is taken, and laid down with the transaction', async () => {
  await database.authenticator.query('select 1')
  const { rows } = await withTenant(database.authenticator, { role: 'app_user', actor_type: 'user' }, (client) =>
    client.query(settings),
  )
  expect(rows).toEqual([{ user: 'app_user', tenant: '', actor: 'user', user_id: '' }])
  const after = await database.authenticator.query('select current_user as "user"')
  expect(after.rows).toEqual([{ user: 'freehold_authenticator' }])
})

test('an error rolls back, is passed on, and the connection goes back to the pool', async () => {
  const failing = withTenant(database.owner, {}, async (client) => {
    await client.query('create table app_private.half_done ()')
    throw new Error('changed my mind')
  })
  await expect(failing).rejects.toThrow('changed my mind')
  const { rows } = await database.owner.query(`select to_regclass('app_private.half_done') as left_over`)
  expect(rows).toEqual([{ left_over: null }])
  expect(database.owner.idleCount).toBe(database.owner.totalCount)
})
