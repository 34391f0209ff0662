import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let cast: Awaited<ReturnType<typeof namedPeople>>
let project: string
let key: { api_key_id: string; token: string }

beforeAll(async () => {
  database = await testDatabase()
  cast = await namedPeople(database)
  project = (
    await ask<{ id: string }>(
      database,
      cast.bob,
      `insert into app_public.projects (name, slug, visibility) values ('Shop', 'shop', 'private') returning id`,
    )
  )[0]!.id
  key = (
    await ask<{ api_key_id: string; token: string }>(
      database,
      cast.bob,
      `select api_key_id, token from app_public.create_api_key('ci', '{write}')`,
    )
  )[0]!
})
afterAll(() => database?.close())

const actions = async (
  caller: { token: string; tenant?: string },
  view: string,
  where = 'true',
  params: unknown[] = [],
) =>
  (
    await ask<{ action: string }>(
      database,
      caller,
      `select action from app_public.${view} where ${where} order by id`,
      params,
    )
  ).map(({ action }) => action)

test('every audited table of the API has a view of its history, and that view has the columns of the design', async () => {
  const { rows } = await database.superuser.query<{ table: string; columns: string[] | null }>(`
    select c.relname as table, (
      select array_agg(a.attname::text order by a.attnum) from pg_attribute a
      where a.attrelid = to_regclass('app_public.' || c.relname || '_audit') and a.attnum > 0) as columns
    from pg_class c
    where c.relnamespace = 'app_public'::regnamespace
      and exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = '_900_audit_update')`)
  expect(rows.length).toBeGreaterThan(10)
  for (const { table, columns } of rows) {
    expect({ table, columns }).toEqual({
      table,
      columns: expect.arrayContaining([
        'id',
        'action',
        'diff',
        'snapshot',
        'created_at',
        'request_id',
        'transaction_id',
      ]),
    })
  }
  const columnsOf = (table: string) => rows.find((row) => row.table === table)?.columns
  expect(columnsOf('deployments')).toEqual(expect.arrayContaining(['deployment_id', 'user_id']))
  expect(columnsOf('projects')).toEqual(expect.arrayContaining(['project_id', 'user_id']))
  expect(columnsOf('api_keys')).toEqual(expect.arrayContaining(['api_key_id', 'user_id', 'actor_api_key_id']))
  expect(columnsOf('users')).toEqual(expect.arrayContaining(['user_id', 'executor_id']))
})

test('a version says who did what to a row, and what was there before', async () => {
  await ask(
    database,
    cast.alice,
    `update app_public.projects set description = 'sells things' where id = $1 returning id`,
    [project],
  )
  const [first, last] = await ask(
    database,
    cast.alice,
    'select action, user_id, actor_type, request_id, diff, snapshot from app_public.projects_audit where project_id = $1 order by id',
    [project],
  )
  expect(first).toMatchObject({ action: 'insert', user_id: cast.bob.id, diff: {}, snapshot: { name: 'Shop' } })
  const versions = await ask(
    database,
    cast.alice,
    `select user_id, actor_type, request_id, diff -> 'description' as before, snapshot ->> 'description' as after
     from app_public.projects_audit where project_id = $1 and diff ? 'description'`,
    [project],
  )
  expect(versions).toEqual([
    { user_id: cast.alice.id, actor_type: 'user', request_id: 'req-1', before: '', after: 'sells things' },
  ])
  expect(last).toBeDefined()
})

test('a key is named with the person it acts for', async () => {
  await ask(
    database,
    { token: key.token },
    `update app_public.projects set description = 'by key' where id = $1 returning id`,
    [project],
  )
  const rows = await ask(
    database,
    cast.alice,
    `select user_id, actor_type, api_key_id from app_public.projects_audit where snapshot ->> 'description' = 'by key' order by id limit 1`,
  )
  expect(rows).toEqual([{ user_id: cast.bob.id, actor_type: 'api', api_key_id: key.api_key_id }])
})

test('whoever sees a row sees its history, and nobody else', async () => {
  const of = (caller: { token: string }) => actions(caller, 'projects_audit', 'project_id = $1', [project])
  expect((await of(cast.bob)).length).toBeGreaterThan(1)
  expect((await of(cast.alice)).length).toBeGreaterThan(1)
  expect((await of({ token: key.token })).length).toBeGreaterThan(1)
  // Vera can not see a private project; Mallory is of another tenant.
  expect(await of(cast.vera)).toEqual([])
  expect(await of(cast.mallory)).toEqual([])
  expect(await of(cast.nobody)).toEqual([])
})

test('history of a deleted project is for admins', async () => {
  const [made] = await ask<{ id: string }>(
    database,
    cast.bob,
    `insert into app_public.projects (name, slug, visibility) values ('Old', 'old', 'public') returning id`,
  )
  const of = (caller: { token: string }) => actions(caller, 'projects_audit', 'project_id = $1', [made!.id])
  expect(await of(cast.vera)).toContain('insert')
  await ask(database, cast.alice, 'select id from app_public.delete_project($1)', [made!.id])
  expect(await of(cast.vera)).toEqual([])
  expect(await of(cast.bob)).toEqual([])
  expect(await of(cast.alice)).toContain('update')
})

test('history of an account is for its person, not for their keys and not for the owner of the tenant', async () => {
  await ask(database, cast.bob, `update app_public.users set bio = 'builds' where id = $1 returning id`, [cast.bob.id])
  const seen = await ask(
    database,
    cast.bob,
    `select executor_id, snapshot ->> 'bio' as bio, snapshot ->> 'email' as email
    from app_public.users_audit where user_id = $1 order by id desc limit 1`,
    [cast.bob.id],
  )
  expect(seen).toEqual([{ executor_id: cast.bob.id, bio: 'builds', email: cast.bob.email }])
  for (const view of ['users_audit', 'sessions_audit', 'user_settings_audit']) {
    const of = async (caller: { token: string }) =>
      (
        await ask<{ subject: string }>(
          database,
          caller,
          `select distinct coalesce(snapshot ->> 'user_id', snapshot ->> 'id') as subject from app_public.${view}`,
        )
      ).map(({ subject }) => subject)
    expect([view, await of(cast.bob)]).toEqual([view, [cast.bob.id]])
    expect([view, await of(cast.alice)]).toEqual([view, [cast.alice.id]])
    expect([view, await of({ token: key.token })]).toEqual([view, []])
  }
})

test('keys are for their person and for admins; what they must not tell is not there', async () => {
  const of = (caller: { token: string }) => actions(caller, 'api_keys_audit', 'api_key_id = $1', [key.api_key_id])
  expect(await of(cast.bob)).toContain('insert')
  expect(await of(cast.alice)).toContain('insert')
  expect(await of(cast.vera)).toEqual([])
  expect(await of(cast.mallory)).toEqual([])
  const { rows } = await database.superuser.query<{ row: string }>(
    'select v::text as row from app_public.api_keys_audit v',
  )
  expect(rows.length).toBeGreaterThan(0)
  const secret = key.token.slice(21, -8)
  expect(secret).toHaveLength(64)
  expect(rows.filter(({ row }) => row.includes(secret))).toEqual([])
})

test('nobody writes through a view', async () => {
  for (const statement of [
    'delete from app_public.projects_audit',
    `update app_public.projects_audit set request_id = 'x'`,
    'insert into app_public.projects_audit (id) values (uuidv7())',
  ]) {
    await expect(ask(database, cast.alice, statement)).rejects.toMatchObject({ code: '42501' })
  }
})

test('history of one row is read from the index by row, newest first', async () => {
  const plan = (
    await ask<{ 'QUERY PLAN': string }>(
      database,
      cast.alice,
      `explain select * from app_public.projects_audit
    where tenant_id = '${cast.tenants.acme.id}' and project_id = '${project}' order by id desc limit 20`,
    )
  )
    .map((row) => row['QUERY PLAN'])
    .join('\n')
  expect(plan).not.toContain('Seq Scan')
})
