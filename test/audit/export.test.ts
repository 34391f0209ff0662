import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  world = await namedPeople(database)
})
afterAll(() => database.close())

const exportOf = async (caller: { token: string }) =>
  (await ask(database, caller, 'select app_public.export_user() as data'))[0]!.data

test('a person gets everything that is kept about them', async () => {
  const { bob, alice, tenants } = world
  await ask(database, bob, `update app_public.users set bio = 'before'`)
  await ask(database, bob, `update app_public.users set bio = 'after'`)
  await ask(database, bob, `select * from app_public.create_api_key('runner', '{write}')`)
  await ask(database, alice, 'select * from app_public.change_member_role($1, $2)', [bob.id, 'member'])
  const data = await exportOf(bob)
  expect(Object.keys(data).sort()).toEqual([
    'apiKeys',
    'auditLogs',
    'exportedAt',
    'history',
    'memberships',
    'profile',
    'projects',
    'sessions',
    'settings',
    'teams',
  ])
  expect(data.profile).toMatchObject({ id: bob.id, email: bob.email, bio: 'after' })
  expect(data.settings).toMatchObject({ user_id: bob.id })
  expect(data.sessions).toMatchObject([{ user_id: bob.id, ip_address: '10.0.0.1' }])
  expect(data.memberships).toMatchObject([{ tenant: 'acme', tenant_id: tenants.acme.id, role: 'member' }])
  expect(data.apiKeys).toMatchObject([{ name: 'runner', scopes: ['write'] }])
  expect(data.auditLogs.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(['user.login', 'user.exported']),
  )
  const bios = data.history.filter((version: any) => version.table === 'users' && version.diff.bio !== undefined)
  expect(bios).toMatchObject([
    { isYours: true, diff: { bio: null }, snapshot: { bio: 'before' } },
    { diff: { bio: 'before' }, snapshot: { bio: 'after' }, ip: '10.0.0.1' },
  ])
  // What others did to it, without who they are and where they sat.
  expect(data.history).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        table: 'tenant_members',
        isYours: false,
        ip: null,
        userAgent: null,
        diff: expect.objectContaining({ role: 'developer' }),
      }),
    ]),
  )
})

test('there is nothing of anybody else in it, and no secret', async () => {
  const data = await exportOf(world.bob)
  const text = JSON.stringify(data)
  for (const other of [world.alice, world.vera, world.bill, world.mallory, world.nobody]) {
    expect(text).not.toContain(other.id)
    expect(text).not.toContain(other.email)
  }
  expect(text).not.toContain(world.tenants.evil.id)
  expect(text).not.toMatch(/password_hash|\$2a\$|two_factor_secret|recovery/)
})

test('nobody without a session is given an export', async () => {
  await expect(ask(database, null, 'select app_public.export_user()')).rejects.toMatchObject({ code: '42501' })
  const [key] = await ask(database, world.bob, `select * from app_public.create_api_key('k', '{read}')`)
  await expect(exportOf({ token: key!.token })).rejects.toMatchObject({ code: 'FH401' })
})
