import { enrol, join, namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let cast: Awaited<ReturnType<typeof namedPeople>>
type Caller = { token: string; tenant?: string }

beforeAll(async () => {
  database = await testDatabase()
  cast = await namedPeople(database)
})
afterAll(() => database?.close())

const seen = async (caller: Caller) =>
  (await ask<{ name: string }>(database, caller, 'select name from app_public.users order by name')).map(
    ({ name }) => name,
  )

test('colleagues see each other, and no stranger', async () => {
  for (const name of ['alice', 'bob', 'vera', 'bill'] as const)
    expect([name, await seen(cast[name])]).toEqual([name, ['alice', 'bill', 'bob', 'vera']])
  expect(await seen(cast.mallory)).toEqual(['mallory'])
  expect(await seen(cast.nobody)).toEqual(['nobody'])
})

test('somebody in two tenants sees the people of the one they chose', async () => {
  const dora = await enrol(database, 'dora')
  await join(database, cast.alice, dora, cast.tenants.acme, 'member')
  await join(database, cast.mallory, dora, cast.tenants.evil, 'member')
  expect(await seen({ ...dora, tenant: 'acme' })).toEqual(['alice', 'bill', 'bob', 'dora', 'vera'])
  expect(await seen({ ...dora, tenant: 'evil' })).toEqual(['dora', 'mallory'])
  const tenants = await ask<{ slug: string }>(database, dora, 'select slug from app_public.tenants order by slug')
  expect(tenants).toEqual([{ slug: 'acme' }, { slug: 'evil' }])
})

test("a person changes their own profile and nobody else's", async () => {
  const change = (id: string) =>
    ask(database, cast.bob, `update app_public.users set bio = 'bob was here' where id = $1 returning id`, [id])
  expect(await change(cast.alice.id)).toEqual([])
  expect(await change(cast.mallory.id)).toEqual([])
  expect(await change(cast.bob.id)).toHaveLength(1)
  await expect(
    ask(database, cast.bob, `update app_public.users set role = 'admin' where id = $1`, [cast.bob.id]),
  ).rejects.toMatchObject({ code: '42501' })
  await expect(ask(database, cast.bob, 'update app_public.users set email_verified_at = now()')).rejects.toMatchObject({
    code: '42501',
  })
})

test("sessions and settings are one's own, and not for one's keys", async () => {
  const [key] = await ask<{ token: string }>(
    database,
    cast.alice,
    `select token from app_public.create_api_key('key', '{admin}')`,
  )
  for (const table of ['sessions', 'user_settings']) {
    const users = async (caller: Caller) =>
      (await ask<{ user_id: string }>(database, caller, `select user_id from app_public.${table}`)).map(
        (row) => row.user_id,
      )
    expect(await users(cast.alice)).toEqual([cast.alice.id])
    expect(await users(cast.mallory)).toEqual([cast.mallory.id])
    expect(await users(key!)).toEqual([])
  }
})

test('a default tenant is one that was joined', async () => {
  const choose = (tenantId: string) =>
    ask(database, cast.bob, 'update app_public.user_settings set default_tenant_id = $1 returning user_id', [tenantId])
  await expect(choose(cast.tenants.evil.id)).rejects.toMatchObject({ code: '42501' })
  expect(await choose(cast.tenants.acme.id)).toHaveLength(1)
})

test('a stranger is turned away at the door of the tenant they name', async () => {
  for (const tenant of ['acme', cast.tenants.acme.id]) {
    await expect(seen({ ...cast.mallory, tenant })).rejects.toMatchObject({ code: 'FH403' })
    await expect(seen({ ...cast.nobody, tenant })).rejects.toMatchObject({ code: 'FH403' })
  }
  expect(await seen({ ...cast.bob, tenant: 'acme' })).toContain('alice')
})

test('whoever is removed sees nothing from then on, and stays readable to those who remain', async () => {
  const erin = await enrol(database, 'erin')
  await join(database, cast.alice, erin, cast.tenants.acme, 'member')
  expect(await seen(erin)).toContain('alice')
  await ask(database, cast.alice, 'select * from app_public.remove_member($1)', [erin.id])
  expect(await seen(erin)).toEqual(['erin'])
  await expect(seen({ ...erin, tenant: 'acme' })).rejects.toMatchObject({ code: 'FH403' })
  expect(await seen(cast.alice)).toContain('erin')
})

test('events of the tenant are for viewers and up; of a project, for who sees it', async () => {
  const [project] = await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.projects (name, slug) values ('secret', 'secret') returning id`,
  )
  const types = async (caller: Caller) =>
    new Set(
      (await ask<{ type: string }>(database, caller, 'select type from app_public.events')).map(({ type }) => type),
    )
  expect([...(await types(cast.alice))]).toEqual(expect.arrayContaining(['tenant.created', 'project.created']))
  expect([...(await types(cast.vera))]).toContain('tenant.created')
  expect([...(await types(cast.vera))]).not.toContain('project.created')
  expect(await types(cast.bill)).toEqual(new Set())
  expect(await types(cast.nobody)).toEqual(new Set())
  expect(project).toBeDefined()
})
