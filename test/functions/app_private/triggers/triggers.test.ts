import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { namedPeople } from '../../../support/people.ts'
import { ask, askOne } from '../../../support/ask.ts'
import { listen } from '../../../support/listen.ts'
import { refusal } from '../../../support/refusal.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
let project: string
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  project = (
    await askOne(
      database,
      people.alice,
      `insert into app_public.projects (name, slug, visibility) values ('Web', 'web', 'team') returning id`,
    )
  ).id
  const team = await askOne(database, people.alice, `insert into app_public.teams (name) values ('Crew') returning id`)
  await ask(database, people.alice, 'insert into app_public.team_members (team_id, user_id) values ($1, $2)', [
    team.id,
    people.bob.id,
  ])
  await ask(database, people.alice, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
    project,
    people.bob.id,
  ])
  await ask(database, people.bob, `select app_public.create_api_key('k', '{write}')`)
  await ask(database, people.bob, `select app_public.request_deployment($1, ref => 'main')`, [project])
  await ask(database, people.bob, `select app_public.create_webhook_source($1, 'hub')`, [project])
  await ask(database, people.alice, `select app_public.grant_operator_access('look')`)
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows

test('every table with updated_at keeps it, whatever the writer says', async () => {
  const tables = (
    await rows(
      `select table_schema || '.' || table_name as name from information_schema.columns
     where column_name = 'updated_at' and table_schema in ('app_public', 'app_private') and table_name not like '%\\_mv'
       and (table_schema || '.' || table_name)::regclass in (select oid from pg_class where relkind in ('r', 'p')) order by 1`,
    )
  ).map((row) => row.name as string)
  expect(tables.length).toBeGreaterThanOrEqual(14)
  const empty = []
  for (const table of tables) {
    const updated = await rows(
      `update ${table} set updated_at = '2000-01-01' returning updated_at > now() - interval '1 minute' as is_kept`,
    )
    if (updated.length === 0) empty.push(table)
    expect({ table, isKept: updated.every((row) => row.is_kept) }).toEqual({ table, isKept: true })
  }
  // Their rows come from outside; the trigger is the same.
  expect(empty).toEqual(['app_public.webhook_events'])
})

test('a row of a tenant keeps its tenant and its id, for the superuser too', async () => {
  const fixed = { sqlstate: 'FH422', code: 'IDENTITY_IS_FIXED' }
  for (const table of [
    'projects',
    'project_environments',
    'project_members',
    'teams',
    'team_members',
    'tenant_members',
    'api_keys',
    'deployments',
    'webhook_sources',
  ]) {
    expect(
      (
        await rows(`select count(*)::integer from app_public.${table} where tenant_id = $1`, [people.tenants.acme.id])
      )[0].count,
    ).toBeGreaterThan(0)
    expect({
      table,
      ...(await refusal(
        rows(`update app_public.${table} set id = uuidv7() where tenant_id = $1`, [people.tenants.acme.id]),
      )),
    }).toEqual({ table, ...fixed })
    expect({
      table,
      ...(await refusal(
        rows(`update app_public.${table} set tenant_id = $2 where tenant_id = $1`, [
          people.tenants.acme.id,
          people.tenants.evil.id,
        ]),
      )),
    }).toEqual({ table, ...fixed })
    expect(
      (
        await rows(`update app_public.${table} set id = id, tenant_id = tenant_id where tenant_id = $1 returning 1`, [
          people.tenants.acme.id,
        ])
      ).length,
    ).toBeGreaterThan(0)
  }
})

test('events are append-only for everyone, in their partitions too', async () => {
  const appendOnly = { sqlstate: 'FH422', code: 'APPEND_ONLY' }
  const [{ partition }] = await rows('select tableoid::regclass::text as partition from app_public.events limit 1')
  expect(partition).toMatch(/^partitions\.events_p\d{6}$/)
  for (const table of ['app_public.events', partition]) {
    expect(await refusal(rows(`update ${table} set data = '{}'`))).toEqual(appendOnly)
    expect(await refusal(rows(`delete from ${table}`))).toEqual(appendOnly)
  }
  expect((await rows('select 1 from app_public.events')).length).toBeGreaterThan(5)
})

test('an event is of a known type', async () => {
  const record = (type: string) =>
    rows(`select app_private.record_event($1, $2, 'project', $3, $3)`, [type, people.tenants.acme.id, project])
  expect(await refusal(record('project.exploded'))).toEqual({ sqlstate: '23503', code: 'events_type_fkey' })
  expect(await record('project.deleted')).toHaveLength(1)
})

test('what changes the answer of authenticate is announced, what does not is not', async () => {
  const listener = await listen(database, 'auth_revoked')
  const [{ id: key }] = await rows(`select id from app_public.api_keys where name = 'k'`)
  const [{ id: session }] = await rows('select id from app_public.sessions where user_id = $1', [people.bob.id])
  const acme = people.tenants.acme.id
  const told = async (sql: string, value: string): Promise<string[]> => {
    await rows(sql, [value])
    return listener.heard()
  }
  const bob = people.bob.id
  for (const [sql, id, payload] of [
    [`update app_public.users set is_active = true where id = $1`, bob, `user:${bob}`],
    [`update app_public.users set two_factor_enabled = false where id = $1`, bob, `user:${bob}`],
    [
      `update app_public.user_settings set default_tenant_id = default_tenant_id where user_id = $1`,
      bob,
      `user:${bob}`,
    ],
    [`update app_public.tenant_members set role = role where user_id = $1`, bob, `user:${bob}`],
    [`update app_public.tenants set slug = slug where id = $1`, acme, `tenant:${acme}`],
    [`update app_public.tenants set settings = settings where id = $1`, acme, `tenant:${acme}`],
    [`update app_public.tenants set is_active = true where id = $1`, acme, `tenant:${acme}`],
    ...[
      'revoked_at',
      'grace_expires_at',
      'expires_at',
      'scopes',
      'permissions',
      'project_id',
      'environment_id',
      'allowed_ips',
      'usage_limit',
      'rate_limit_per_minute',
    ].map((column) => [`update app_public.api_keys set ${column} = ${column} where id = $1`, key, key] as const),
    [`update app_public.sessions set revoked_at = now() where id = $1`, session, session],
  ] as const)
    expect({ sql, told: await told(sql, id) }).toEqual({ sql, told: [payload] })
  for (const [sql, id] of [
    [`update app_public.users set bio = 'x' where id = $1`, bob],
    [`update app_public.tenants set name = name where id = $1`, acme],
    [`update app_public.api_keys set last_used_at = now(), usage_count = 5 where id = $1`, key],
    [`update app_public.sessions set last_seen_at = now() where id = $1`, session],
  ] as const)
    expect({ sql, told: await told(sql, id) }).toEqual({ sql, told: [] })
  await listener.close()
})
