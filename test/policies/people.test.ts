import { readFile } from 'node:fs/promises'
import { join as join_ } from 'node:path'
import { ROOT } from '../../src/deploy/database.ts'
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

test('whoever is removed sees nothing from then on, and is to those who remain what they were then', async () => {
  const erin = await enrol(database, 'erin')
  await join(database, cast.alice, erin, cast.tenants.acme, 'member')
  const inAcme = { ...erin, tenant: 'acme' }
  expect(await seen(erin)).toContain('alice')
  expect(await seen(cast.alice)).toContain('erin')
  const kept = () =>
    ask(
      database,
      cast.vera,
      'select name_at_leaving as name, username_at_leaving as username, left_at is not null as is_gone from app_public.tenant_members where user_id = $1',
      [erin.id],
    )
  expect(await kept()).toEqual([{ name: null, username: null, is_gone: false }])
  await ask(database, inAcme, `update app_public.users set name = 'Erin of Acme' where id = $1`, [erin.id])
  await ask(database, cast.alice, 'update app_public.tenants set billing_owner_id = $1', [erin.id])
  await ask(database, cast.alice, 'select * from app_public.remove_member($1)', [erin.id])
  expect(await seen(erin)).toEqual(['Erin of Acme'])
  await expect(seen(inAcme)).rejects.toMatchObject({ code: 'FH403' })
  await ask(database, erin, `update app_public.users set name = 'Erin of Evil', username = 'erin.evil', bio = 'secret'`)
  expect(await ask(database, cast.alice, 'select * from app_public.users where id = $1', [erin.id])).toEqual([])
  expect(await kept()).toEqual([{ name: 'Erin of Acme', username: 'erin', is_gone: true }])
  // Nobody is left in charge of the invoices who is gone, and the tenant can still be changed.
  expect(
    await ask(
      database,
      cast.alice,
      `update app_public.tenants set description = 'x' returning billing_owner_id as payer`,
    ),
  ).toEqual([{ payer: null }])
  // Who comes back is a colleague like any other.
  await join(database, cast.alice, erin, cast.tenants.acme, 'member')
  expect(await seen(cast.alice)).toContain('Erin of Evil')
  expect(await kept()).toEqual([{ name: null, username: null, is_gone: false }])
  // Erasure reaches what is kept of them.
  await ask(database, cast.alice, 'select * from app_public.remove_member($1)', [erin.id])
  expect(await kept()).toEqual([{ name: 'Erin of Evil', username: 'erin.evil', is_gone: true }])
  await database.owner.query('select app_private.erase_person($1)', [erin.id])
  expect(await kept()).toEqual([{ name: null, username: null, is_gone: true }])
  const { rows } = await database.superuser.query(
    `select from audit.row_versions v where v.subject_id = $1 and v::text like '%Erin of%'`,
    [erin.id],
  )
  expect(rows).toEqual([])
})

test('who left before that was kept is as they were then, by the ledger', async () => {
  const fred = await enrol(database, 'fred')
  await join(database, cast.alice, fred, cast.tenants.acme, 'member')
  await ask(database, cast.alice, 'select * from app_public.remove_member($1)', [fred.id])
  await ask(database, fred, `update app_public.users set name = 'Another Fred'`)
  // As the release before left it.
  await database.superuser.query(
    `set session_replication_role = replica;
     update app_public.tenant_members set left_at = null, name_at_leaving = null, username_at_leaving = null where user_id = '${fred.id}';
     reset session_replication_role`,
  )
  await database.owner.query(await readFile(join_(ROOT, 'sql/seeds/former_members.sql'), 'utf8'))
  expect(
    await ask(
      database,
      cast.vera,
      'select name_at_leaving as name, username_at_leaving as username, left_at < updated_at as is_then from app_public.tenant_members where user_id = $1',
      [fred.id],
    ),
  ).toEqual([{ name: 'fred', username: 'fred', is_then: true }])
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
