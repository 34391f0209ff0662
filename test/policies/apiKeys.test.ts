import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let cast: Awaited<ReturnType<typeof namedPeople>>
let web: string
let api: string

const key = async (
  owner: { token: string },
  scopes: string,
  more: { projectId?: string; environmentId?: string; permissions?: string[]; ips?: string[] } = {},
) => {
  const [row] = await ask<{ token: string }>(
    database,
    owner,
    `select token from app_public.create_api_key('key', $1, project_id => $2, environment_id => $3, permissions => $4, allowed_ips => $5)`,
    [
      `{${scopes}}`,
      more.projectId ?? null,
      more.environmentId ?? null,
      JSON.stringify(more.permissions ?? []),
      more.ips ?? null,
    ],
  )
  return { token: row!.token }
}
const names = async (caller: { token: string }) =>
  (await ask<{ name: string }>(database, caller, 'select name from app_public.projects order by name')).map(
    ({ name }) => name,
  )
const rank = async (caller: { token: string }) =>
  (await ask<{ rank: string }>(database, caller, 'select app_hidden.current_member_role() as rank'))[0]!.rank
const environment = async (projectId: string, name: string) =>
  (
    await ask<{ id: string }>(
      database,
      cast.alice,
      'select id from app_public.project_environments where project_id = $1 and name = $2',
      [projectId, name],
    )
  )[0]!.id
const request = (caller: { token: string }, projectId: string, name = 'production') =>
  ask(database, caller, 'select id from app_public.request_deployment($1, $2, $3)', [projectId, name, 'a'.repeat(40)])

beforeAll(async () => {
  database = await testDatabase()
  cast = await namedPeople(database)
  const make = async (name: string) =>
    (
      await ask<{ id: string }>(
        database,
        cast.alice,
        `insert into app_public.projects (name, slug, visibility) values ($1, lower($1), 'public') returning id`,
        [name],
      )
    )[0]!.id
  web = await make('web')
  api = await make('api')
})
afterAll(() => database?.close())

test('a key acts with the lesser of its scope and the rank of its owner', async () => {
  expect(await rank(await key(cast.alice, 'read'))).toBe('viewer')
  expect(await rank(await key(cast.alice, 'read,write'))).toBe('developer')
  expect(await rank(await key(cast.alice, 'admin'))).toBe('admin')
  const bobs = await key(cast.bob, 'write')
  expect(await rank(bobs)).toBe('developer')
  await expect(key(cast.bob, 'admin')).rejects.toMatchObject({ code: 'FH403' })
  await ask(database, cast.alice, `select * from app_public.change_member_role($1, 'viewer')`, [cast.bob.id])
  expect(await rank(bobs)).toBe('viewer')
  await ask(database, cast.alice, `select * from app_public.change_member_role($1, 'developer')`, [cast.bob.id])
})

test('a key that only reads changes nothing, though its owner owns it all', async () => {
  const reader = await key(cast.alice, 'read')
  expect(await names(reader)).toEqual(['api', 'web'])
  expect(await ask(database, reader, `update app_public.projects set description = 'x' returning id`)).toEqual([])
  expect(await ask(database, reader, `update app_public.teams set description = 'x' returning id`)).toEqual([])
  await expect(
    ask(database, reader, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
      web,
      cast.vera.id,
    ]),
  ).rejects.toMatchObject({ code: 'FH403' })
  await expect(ask(database, reader, 'select * from app_public.delete_project($1)', [web])).rejects.toMatchObject({
    code: 'FH403',
  })
  await expect(request(reader, web)).rejects.toMatchObject({ code: 'FH403' })
  const writer = await key(cast.alice, 'write')
  expect(await ask(database, writer, `update app_public.projects set description = 'x' returning id`)).toHaveLength(2)
  await ask(database, writer, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
    web,
    cast.vera.id,
  ])
  expect(await request(writer, web)).toHaveLength(1)
})

test('a key narrowed to a project sees that one and what is below it', async () => {
  const narrow = await key(cast.bob, 'write', { projectId: web })
  await request(cast.bob, api)
  await request(cast.bob, web)
  expect(await names(narrow)).toEqual(['web'])
  const projects = await ask<{ project_id: string }>(
    database,
    narrow,
    `
    select distinct project_id from app_public.deployments
    union select project_id from app_public.project_environments
    union select project_id from app_public.events where project_id is not null`,
  )
  expect(projects).toEqual([{ project_id: web }])
  await expect(request(narrow, api)).rejects.toMatchObject({ code: 'FH404' })
  await expect(
    ask(database, narrow, `insert into app_public.projects (name, slug) values ('new', 'new')`),
  ).rejects.toMatchObject({ code: '42501' })
  await expect(
    ask(database, narrow, `insert into app_public.project_environments (project_id, name) values ($1, 'new')`, [api]),
  ).rejects.toMatchObject({ code: '42501' })
  expect(await request(narrow, web)).toHaveLength(1)
})

test('a key narrowed to an environment deploys there only', async () => {
  const narrow = await key(cast.bob, 'write', { projectId: web, environmentId: await environment(web, 'staging') })
  await expect(request(narrow, web, 'production')).rejects.toMatchObject({ code: 'FH404' })
  expect(await request(narrow, web, 'staging')).toHaveLength(1)
})

test('a key narrowed to an environment changes nothing of the whole project', async () => {
  const [{ id: whole }] = (await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.projects (name, slug, visibility) values ('Whole', 'whole', 'public') returning id`,
  )) as [{ id: string }]
  const staging = await environment(whole, 'staging')
  const [source] = await ask<{ id: string }>(
    database,
    cast.bob,
    `select webhook_source_id as id from app_public.create_webhook_source($1, 'GitHub')`,
    [whole],
  )
  // Production would be built from there.
  const attempts = [
    [`update app_public.projects set repository_url = repository_url where id = $1 returning id`, whole],
    [`update app_public.project_members set role = role where project_id = $1 returning id`, whole],
    [`update app_public.webhook_sources set is_active = is_active where id = $1 returning id`, source!.id],
    [`delete from app_public.project_members where project_id = $1 returning id`, whole],
    [`delete from app_public.webhook_sources where id = $1 returning id`, source!.id],
  ] as const
  const insert = 'insert into app_public.project_members (project_id, user_id, role) values ($1, $2, $3)'
  const member = [whole, cast.bob.id, 'viewer']
  const narrow = await key(cast.alice, 'admin', { projectId: whole, environmentId: staging })
  await expect(ask(database, narrow, insert, member)).rejects.toMatchObject({ code: '42501' })
  const wide = await key(cast.alice, 'admin', { projectId: whole })
  await ask(database, wide, insert, member)
  for (const [statement, id] of attempts) expect(await ask(database, narrow, statement, [id])).toEqual([])
  for (const [statement, id] of attempts) expect(await ask(database, wide, statement, [id])).toHaveLength(1)
  await ask(database, cast.alice, 'select * from app_public.delete_project($1)', [whole])
})

test('a key narrowed to an environment leaves the others alone', async () => {
  const [staging, production] = [await environment(web, 'staging'), await environment(web, 'production')]
  const narrow = await key(cast.bob, 'write', { projectId: web, environmentId: staging })
  await request(cast.bob, web, 'staging')
  await request(cast.bob, web, 'production')
  const lock = await ask<{ environment: string }>(
    database,
    narrow,
    'update app_public.deployments set is_locked = true returning environment',
  )
  expect(new Set(lock.map((row) => row.environment))).toEqual(new Set(['staging']))
  expect(
    await ask(database, narrow, `update app_public.project_environments set env_vars = '{}' returning name`),
  ).toEqual([{ name: 'staging' }])
  await expect(
    ask(database, narrow, 'select * from app_public.delete_environment($1)', [production]),
  ).rejects.toMatchObject({
    code: 'FH404',
  })
  await expect(
    ask(database, narrow, `insert into app_public.project_environments (project_id, name) values ($1, 'new')`, [web]),
  ).rejects.toMatchObject({ code: '42501' })
})

test('a key narrowed to a project does not run the tenant, though its scope is admin', async () => {
  const narrow = await key(cast.alice, 'admin', { projectId: web })
  expect(await ask(database, narrow, `update app_public.projects set description = 'x' returning id`)).toEqual([
    { id: web },
  ])
  expect(await ask(database, narrow, `update app_public.tenants set name = 'x' returning id`)).toEqual([])
  await expect(ask(database, narrow, `insert into app_public.teams (name) values ('x')`)).rejects.toMatchObject({
    code: '42501',
  })
  for (const call of [
    `invite_member('new@new.test')`,
    `remove_member('${cast.vera.id}')`,
    `change_member_role('${cast.vera.id}', 'admin')`,
  ]) {
    await expect(ask(database, narrow, `select * from app_public.${call}`)).rejects.toMatchObject({ code: 'FH403' })
  }
  const wide = await key(cast.alice, 'admin')
  expect(await ask(database, wide, `select * from app_public.invite_member('new@new.test')`)).toHaveLength(1)
})

test('a list of permissions names what a key may change', async () => {
  const deployer = await key(cast.bob, 'write', { permissions: ['deployments:write'] })
  expect(await request(deployer, web)).toHaveLength(1)
  expect(await ask(database, deployer, `update app_public.projects set description = 'x' returning id`)).toEqual([])
  await expect(
    ask(database, deployer, `insert into app_public.project_environments (project_id, name) values ($1, 'new')`, [web]),
  ).rejects.toMatchObject({ code: '42501' })
  await expect(ask(database, deployer, 'select * from app_public.archive_project($1)', [web])).rejects.toMatchObject({
    code: 'FH403',
  })
})

test('a key belongs to one tenant, works from its addresses only, and ends at once', async () => {
  const bobs = await key(cast.bob, 'read')
  await expect(names({ ...bobs, tenant: 'evil' } as { token: string })).rejects.toMatchObject({ code: 'FH403' })
  await expect(names(await key(cast.bob, 'read', { ips: ['192.0.2.0/24'] }))).rejects.toMatchObject({ code: 'FH403' })
  expect(await names(await key(cast.bob, 'read', { ips: ['10.0.0.0/8'] }))).toEqual(['api', 'web'])
  const [row] = await ask<{ id: string }>(database, bobs, 'select app_hidden.current_api_key_id() as id')
  await ask(database, cast.bob, 'select * from app_public.revoke_api_key($1)', [row!.id])
  await expect(names(bobs)).rejects.toMatchObject({ code: 'FH401' })
})

test("a key sees no key but itself, unless it is an admin's for the whole tenant", async () => {
  const seen = async (caller: { token: string }) =>
    (await ask<{ id: string }>(database, caller, 'select id from app_public.api_keys')).map(({ id }) => id)
  const own = async (caller: { token: string }) =>
    (await ask<{ id: string }>(database, caller, 'select app_hidden.current_api_key_id() as id'))[0]!.id
  const keys = [
    await key(cast.bob, 'read', { projectId: web }),
    await key(cast.bob, 'read', { projectId: web }),
    await key(cast.bob, 'read'),
    await key(cast.alice, 'admin', { projectId: web }),
  ]
  for (const each of keys) expect(await seen(each)).toEqual([await own(each)])
  const bobs = await seen(cast.bob)
  for (const each of keys.slice(0, 3)) expect(bobs).toContain(await own(each))
  expect((await seen(await key(cast.alice, 'admin'))).length).toBeGreaterThan(bobs.length)
})

test('a key that is narrowed to a project sees nobody: no person, no address, no member', async () => {
  const people = `select
    (select count(*)::int from app_public.users) as users, (select count(*)::int from app_public.tenant_members) as members,
    (select count(*)::int from app_public.tenant_members_audit) as versions, (app_public.current_user()).email as email`
  for (const narrowed of [
    await key(cast.alice, 'read', { projectId: web }),
    await key(cast.alice, 'admin', { projectId: web }),
  ]) {
    expect(await ask(database, narrowed, people)).toEqual([{ users: 0, members: 0, versions: 0, email: null }])
    expect(await names(narrowed)).toEqual(['web'])
  }
  const [wide] = await ask(database, await key(cast.alice, 'admin'), people)
  expect(wide).toMatchObject({ users: 4, members: 5, email: cast.alice.email })
  expect(wide!.versions).toBeGreaterThan(4)
})

test('a person sees their own keys, an admin all of the tenant; a key makes and ends none', async () => {
  const owners = async (caller: { token: string }) =>
    new Set(
      (await ask<{ user_id: string }>(database, caller, 'select user_id from app_public.api_keys')).map(
        (row) => row.user_id,
      ),
    )
  expect(await owners(cast.bob)).toEqual(new Set([cast.bob.id]))
  expect(await owners(cast.alice)).toEqual(new Set([cast.alice.id, cast.bob.id]))
  expect(await owners(cast.vera)).toEqual(new Set())
  expect(await owners(cast.mallory)).toEqual(new Set())
  const admin = await key(cast.alice, 'admin')
  await expect(key(admin, 'read')).rejects.toMatchObject({ code: 'FH401' })
  expect(await ask(database, admin, `update app_public.api_keys set name = 'x' returning id`)).toEqual([])
})

test('a key that is narrowed to an environment leaves the rest of its project alone', async () => {
  const environment = async (name: string) =>
    (
      await ask<{ id: string }>(
        database,
        cast.bob,
        `select id from app_public.project_environments where project_id = $1 and name = $2`,
        [web, name],
      )
    )[0]!.id
  const staging = await key(cast.alice, 'read,write', { projectId: web, environmentId: await environment('staging') })
  const others = await key(cast.alice, 'read', { projectId: web })
  for (const call of ['archive_project($1)', 'delete_project($1)', `create_webhook_source($1, 'GitHub')`]) {
    await expect(ask(database, staging, `select from app_public.${call}`, [web])).rejects.toMatchObject({
      code: 'FH403',
    })
  }
  // A key for the whole project may, and this one may what is about its environment.
  const whole = await key(cast.alice, 'read,write', { projectId: web })
  await ask(database, whole, 'select from app_public.archive_project($1)', [web])
  await ask(database, whole, 'select from app_public.unarchive_project($1)', [web])
  await ask(database, staging, `select from app_public.request_deployment($1, 'staging', 'abcdef0')`, [web])
  const seen = await ask(database, staging, 'select distinct environment_id from app_public.api_keys')
  expect(seen).toEqual([{ environment_id: await environment('staging') }])
  expect(await ask(database, others, 'select id from app_public.api_keys')).toHaveLength(1)
})
