import { call } from '../../src/db/call.ts'
import { lendingKeys } from '../../src/db/keys.ts'
import { callAs, claimsOf, enrol, join as joinTenant } from '../../src/dev/proof/people.ts'
import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { withTenant, type Claims } from '../../src/db/withTenant.ts'
import { findings, seal, verify } from './support.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase({ isAlone: true })
  world = await namedPeople(database)
})
afterAll(() => database.close())

const IP = '198.51.100.213'
const AGENT = 'Waldorfbrowser/9'
const EMAIL = 'ludmilla.quarzstein@example.test'
const NAME = 'Ludmilla Quarzstein'
const USERNAME = 'ludmilla.quarzstein'
const PASSWORD = 'a password of hers'
/** What must be found nowhere, each as a regular expression that ignores case. */
const TRACES = {
  EMAIL,
  NAME,
  USERNAME,
  IP,
  AGENT,
  'first name': 'Ludmilla',
  bio: 'collects pebbles',
  handle: 'lqgit',
  'old name': 'Ludmilla Vorher',
  'own setting': 'peach wallpaper',
  device: 'her telephone',
}

/** Runs one statement as her browser does. */
async function asHer(token: string | null, sql: string, params: unknown[] = [], tenant: string | null = null) {
  const given = { token, tenant, ip: IP, user_agent: AGENT, request_id: 'req-her' }
  const claims = (await call(database.authenticator, 'app_private.authenticate', given)) as Claims
  return withTenant(database.authenticator, claims, async (client) => (await client.query(sql, params)).rows, sql)
}

/** Every table of every schema, row by row as text, bytes as hex, that holds the text or its bytes. */
async function tracesOf(text: string): Promise<string[]> {
  const { rows: tables } = await database.superuser.query<{ name: string }>(`
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`)
  expect(tables.length).toBeGreaterThan(40)
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await database.superuser.query(
      `select t::text as row from ${name} t where strpos(lower(t::text), lower($1)) > 0 or strpos(t::text, $2) > 0`,
      [text, Buffer.from(text).toString('hex')],
    )
    if (rows.length > 0) found.push(name)
  }
  return found
}

/** A person who has left traces in all places there are. */
async function makeLudmilla() {
  const { alice, tenants } = world
  await ask(database, { token: alice.token, tenant: 'acme' }, 'select * from app_public.invite_member($1, $2)', [
    EMAIL,
    'developer',
  ])
  const {
    rows: [mail],
  } = await lendingKeys(database.worker).query(
    `select app_private.decrypt_secret(token) as token from app_private.emails where kind = 'invitation' and recipient = $1`,
    [EMAIL],
  )
  await asHer(null, 'select * from app_public.register($1, $2, $3, $4)', [EMAIL, PASSWORD, 'Ludmilla Vorher', USERNAME])
  const {
    rows: [proof],
  } = await lendingKeys(database.worker).query(
    `select app_private.decrypt_secret(token) as token from app_private.emails where kind = 'verify_email' and recipient = $1`,
    [EMAIL],
  )
  await asHer(null, 'select * from app_public.verify_email($1)', [proof.token])
  // By somebody else, again; it waits for an answer that never comes.
  await asHer(null, 'select * from app_public.register($1, $2, $3)', [EMAIL, PASSWORD, 'Ludmilla Vorher'])
  await asHer(null, 'select * from app_public.login($1, $2)', [EMAIL, 'not her password'])
  await asHer(null, 'select * from app_public.request_password_reset($1)', [EMAIL])
  const [login] = await asHer(null, 'select * from app_public.login($1, $2, null, $3)', [
    EMAIL,
    PASSWORD,
    { kind: 'her telephone' },
  ])
  const token = login.token as string
  const user = { id: login.user_id as string }
  await asHer(token, 'select * from app_public.accept_invitation($1)', [mail.token])
  await asHer(
    token,
    `update app_public.users set name = $1, first_name = 'Ludmilla', bio = 'She collects pebbles', github_username = 'lqgit'`,
    [NAME],
  )
  await asHer(token, `update app_public.user_settings set preferences = '{"theme": "peach wallpaper"}'`)
  await asHer(
    token,
    `insert into app_public.projects (name, slug) values ('Pebbles', 'pebbles') returning id`,
    [],
    'acme',
  )
  const [key] = await asHer(
    token,
    `select * from app_public.create_api_key('runner', '{write}', allowed_ips => $1)`,
    [`{${IP}}`],
    'acme',
  )
  // Invited elsewhere, once under her address alone.
  await ask(
    database,
    { token: world.mallory.token, tenant: 'evil' },
    'select * from app_public.invite_member($1, $2)',
    [EMAIL, 'viewer'],
  )
  await database.superuser.query(
    `update app_public.tenant_members set role = 'admin' where user_id = $1 and tenant_id = $2`,
    [user.id, tenants.acme.id],
  )
  await asHer(token, `select * from app_public.invite_member('friend@friend.test', 'viewer')`, [], 'acme')
  // A push of hers, as GitHub tells it.
  const body = JSON.stringify({
    pusher: { name: 'lqgit', email: EMAIL.toUpperCase() },
    commits: [
      { author: { name: NAME, email: EMAIL }, message: 'x' },
      { author: { name: 'Somebody Else', email: 'else@else.test' }, message: 'y' },
    ],
  })
  const {
    rows: [project],
  } = await database.superuser.query(`select id from app_public.projects where slug = 'pebbles'`)
  const [source] = await asHer(
    token,
    `select * from app_public.create_webhook_source($1, 'GitHub')`,
    [project.id],
    'acme',
  )
  await database.superuser.query(
    `
    insert into app_public.webhook_events (tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, raw_body)
    values ($1, $2, $3, 'github', 'push', 'd-1', $4, $5)`,
    [tenants.acme.id, source.webhook_source_id, project.id, body, Buffer.from(body)],
  )
  // A daemon tells of her.
  await asHer(key.token, `select * from app_public.record_audit_events($1)`, [
    JSON.stringify([
      {
        id: '0190aaaa-0000-7000-8000-00000000000a',
        entity_id: user.id,
        action: 'disk.full',
        created_at: '2026-01-01T00:00:00Z',
        diff: { disk: 'full' },
      },
    ]),
  ])
  return { id: user.id as string, token, key: key.token as string }
}

test('after erase_user her e-mail, names, address and user agent are nowhere, and the ledger is clean', async () => {
  const her = await makeLudmilla()
  await seal(database)
  expect(await findings(database)).toEqual([])
  for (const text of Object.values(TRACES)) expect([text, (await tracesOf(text)).length > 0]).toEqual([text, true])
  // The places that matter are among those.
  expect(await tracesOf(EMAIL)).toEqual(
    expect.arrayContaining([
      'app_public.users',
      'app_public.tenant_members',
      'app_private.emails',
      'app_public.webhook_events',
      'app_private.rate_limits',
    ]),
  )
  expect((await tracesOf(EMAIL)).some((name) => name.startsWith('partitions.row_versions_p'))).toBe(true)
  expect((await tracesOf(IP)).some((name) => name.startsWith('partitions.audit_logs_p'))).toBe(true)
  expect((await tracesOf(IP)).some((name) => name.startsWith('partitions.row_versions_p'))).toBe(true)
  const before = await verify(database)

  expect(await asHer(her.token, 'select * from app_public.erase_user($1)', ['not her password'])).toMatchObject([
    { is_done: null, refusal: { code: 'INVALID_CREDENTIALS' } },
  ])
  expect(await asHer(her.token, 'select * from app_public.erase_user($1)', [PASSWORD])).toMatchObject([
    { is_done: true, refusal: null },
  ])

  // Counters of an address are of whoever comes from there, not of a person; they go by themselves within a day.
  expect(await tracesOf(IP)).toEqual(['app_private.rate_limits'])
  await database.superuser.query(`update app_private.rate_limits set window_start = window_start - interval '2 days'`)
  await database.worker.query('select app_private.sweep_expired()')
  for (const text of Object.values(TRACES)) expect([text, await tracesOf(text)]).toEqual([text, []])
  // Her push is marked as no longer what was signed; the rest of it stands.
  const { rows: pushes } = await database.superuser.query(
    `select payload, octet_length(raw_body) as bytes, redacted_at is not null as is_redacted, person_addresses from app_public.webhook_events`,
  )
  expect(pushes).toEqual([
    {
      payload: {
        pusher: { name: '[erased]', email: '[erased]' },
        commits: [
          { author: { name: '[erased]', email: '[erased]' }, message: 'x' },
          { author: { name: 'Somebody Else', email: 'else@else.test' }, message: 'y' },
        ],
      },
      bytes: 0,
      is_redacted: true,
      person_addresses: ['else@else.test'],
    },
  ])
  expect(await findings(database)).toEqual([])
  await seal(database)
  const after = await verify(database)
  expect(after.flatMap((report) => report.findings)).toEqual([])
  for (const { tenant, versions } of before)
    expect(after.find((report) => report.tenant === tenant)!.versions).toBeGreaterThanOrEqual(versions)

  // Nobody is left who could log in, and what she did stands.
  await expect(asHer(her.token, 'select 1')).rejects.toMatchObject({ code: 'FH401' })
  await expect(asHer(her.key, 'select 1')).rejects.toMatchObject({ code: 'FH401' })
  expect(await asHer(null, 'select refusal from app_public.login($1, $2)', [EMAIL, PASSWORD])).toMatchObject([
    { refusal: { code: 'INVALID_CREDENTIALS' } },
  ])
  const {
    rows: [user],
  } = await database.superuser.query('select * from app_public.users where id = $1', [her.id])
  expect(user).toMatchObject({
    email: `erased-${her.id}@erased.invalid`,
    username: `erased-${her.id.slice(-12)}`,
    name: 'Erased',
    is_active: false,
    bio: null,
  })
  const { rows: logged } = await database.superuser.query(
    `select user_id, resource_id, details, ip_address from app_public.audit_logs where action = 'user.erased'`,
  )
  expect(logged).toEqual([{ user_id: her.id, resource_id: her.id, details: {}, ip_address: null }])
  const { rows: history } = await database.superuser.query(
    `select action from audit.row_versions where table_name = 'projects' and user_id = $1`,
    [her.id],
  )
  expect(history).toMatchObject([{ action: 'insert' }])
  // Others kept what is theirs.
  expect((await tracesOf(world.alice.email)).length).toBeGreaterThan(2)
  expect((await tracesOf('10.0.0.1')).length).toBeGreaterThan(1)
  expect(await tracesOf('friend@friend.test')).not.toEqual([])
})

/** A push that a tenant's own source received; what of it was noted. */
async function receivePush(tenantId: string, payload: object): Promise<{ id: string; person_addresses: string[] }> {
  const name = `source ${Math.random()}`
  const { rows } = await database.superuser.query(
    `with project as (
       insert into app_public.projects (tenant_id, name, slug) values ($1, $2, 'p' || md5($2)) returning tenant_id, id),
     source as (
       insert into app_public.webhook_sources (tenant_id, project_id, provider, name)
       select tenant_id, id, 'github', $2 from project returning tenant_id, id, project_id)
     insert into app_public.webhook_events (
       tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, raw_body)
     select tenant_id, id, project_id, 'github', 'push', $2, $3::text::jsonb, convert_to($3::text, 'utf8') from source
     returning id, person_addresses`,
    [tenantId, name, JSON.stringify(payload)],
  )
  return rows[0]
}

/** Every row of every table that is not about the person: by table, a digest of them all. */
async function everythingBut(userId: string): Promise<Record<string, string>> {
  const { rows: tables } = await database.superuser.query<{ name: string; person: string | null }>(`
    select c.oid::regclass::text as name, r.person
    from app_private.table_registry r
    join pg_class c on c.oid = to_regclass(r.table_name)
    order by 1`)
  const digests: Record<string, string> = {}
  for (const { name, person } of tables) {
    const theirs = {
      'audit.row_versions': 't.user_id is not distinct from $1 or t.subject_id is not distinct from $1',
      'audit.erasures': 't.user_id = $1',
      'app_private.rate_limits': `t.subject_id = $1::uuid::text or t.subject_type in ('erase', 'login')`,
    }[name]
    const { rows } = await database.superuser.query<{ digest: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as digest
       from ${name} t where not (${theirs ?? (person ? `t.${person} is not distinct from $1` : `$1::uuid is null`)})`,
      [userId],
    )
    digests[name] = rows[0]!.digest
  }
  return digests
}

test.each([
  ['whose address ends that of another', 'y@github.com', 'commits'],
  ['who claims the address and the name of another and never proved it', 'harry@github.com', 'Harry'],
])('a stranger %s is erased, and nobody else', async (_what, email, name) => {
  // What they would like to reach: a push that names Harry, a letter to him, an entry of a log, all of Acme.
  const { acme } = world.tenants
  await receivePush(acme.id, {
    pusher: { name: 'Harry', email: 'harry@github.com' },
    commits: [{ author: { name: 'Harry', email: 'harry@github.com' }, message: 'Harry' }],
  })
  await ask(database, world.alice, `select from app_public.invite_member('harry@github.com')`)
  await database.superuser.query(
    `insert into app_public.audit_logs (tenant_id, action, details) values ($1, 'disk.full', '{"mail": "harry@github.com", "by": "Harry"}')`,
    [acme.id],
  )
  expect(await tracesOf('harry@github.com')).toEqual(
    expect.arrayContaining([
      'app_public.webhook_events',
      'app_public.tenant_members',
      'app_private.emails',
      expect.stringMatching('audit_logs_p'),
    ]),
  )

  // As accounts began once: with an address that nobody proved.
  const {
    rows: [user],
  } = await database.superuser.query(
    `with u as (insert into app_public.users (email, username, name) values ($1, $3, $2) returning id),
       s as (insert into app_public.user_settings (user_id) select id from u)
     insert into app_private.user_secrets (user_id, password_hash)
     select id, app_private.hash_password($4) from u returning user_id as id`,
    [email, name, name.toLowerCase(), PASSWORD],
  )
  const [login] = await asHer(null, 'select token from app_public.login($1, $2)', [email, PASSWORD])
  const before = await everythingBut(user.id)
  expect(await asHer(login.token, 'select * from app_public.erase_user($1)', [PASSWORD])).toMatchObject([
    { is_done: true },
  ])
  expect(await everythingBut(user.id)).toEqual(before)
  const { rows } = await database.superuser.query('select email, is_active from app_public.users where id = $1', [
    user.id,
  ])
  expect(rows).toEqual([{ email: `erased-${user.id}@erased.invalid`, is_active: false }])
})

test('in a tenant they never belonged to, documents that name even a proved address stay as they came', async () => {
  const person = await enrol(database, 'pusher-elsewhere')
  await database.superuser.query('update app_public.users set email_verified_at = now() where id = $1', [person.id])
  const payload = { pusher: { name: 'them', email: person.email } }
  const event = await receivePush(world.tenants.evil.id, payload)
  expect(event.person_addresses).toEqual([person.email])
  await database.owner.query('select app_private.erase_person($1)', [person.id])
  const { rows } = await database.superuser.query(
    'select payload, redacted_at from app_public.webhook_events where id = $1',
    [event.id],
  )
  expect(rows).toEqual([{ payload, redacted_at: null }])
})

test('nobody can stand in the way of an erasure by taking what an address becomes', async () => {
  const person = await enrol(database, 'obstructed')
  await database.superuser.query('update app_public.users set email_verified_at = now() where id = $1', [person.id])
  const [invited] = await ask(database, world.mallory, 'select (tenant_member).id from app_public.invite_member($1)', [
    person.email,
  ])
  await ask(database, world.mallory, 'select from app_public.invite_member($1)', [
    `erased-${invited!.id}@erased.invalid`,
  ])
  await database.owner.query('select app_private.erase_person($1)', [person.id])
  expect(await tracesOf(person.email)).toEqual([])
})

test('documents are taken as they come: odd shapes, addresses that are none, the longest there is', async () => {
  const person = await enrol(database, 'odd-pusher')
  await database.superuser.query('update app_public.users set email_verified_at = now() where id = $1', [person.id])
  await joinTenant(database, world.alice, person, world.tenants.acme, 'developer')
  const odd = {
    pusher: [{ email: person.email }],
    commits: { author: { email: person.email } },
    head_commit: { author: { email: ['nested', person.email] }, committer: { email: 7 } },
    repository: { owner: { name: 'Odd', login: 'odd', email: person.email.toUpperCase(), id: 1 } },
  }
  const event = await receivePush(world.tenants.acme.id, odd)
  expect(event.person_addresses).toEqual([person.email])
  const long = await receivePush(world.tenants.acme.id, {
    pusher: { name: 'x', email: `${'x'.repeat(100_000)}@x.test` },
  })
  expect(long.person_addresses).toEqual([])
  await database.owner.query('select app_private.erase_person($1)', [person.id])
  const { rows } = await database.superuser.query('select payload from app_public.webhook_events where id = $1', [
    event.id,
  ])
  expect(rows[0].payload).toEqual({
    ...odd,
    repository: { owner: { name: '[erased]', login: '[erased]', email: '[erased]', id: 1 } },
  })
})

test('a document names ten thousand people at most', async () => {
  const commits = (count: number) => ({
    commits: Array.from({ length: count }, (_, n) => ({ author: { email: `p${n}@p.test` } })),
  })
  expect((await receivePush(world.tenants.acme.id, commits(10_000))).person_addresses).toHaveLength(10_000)
  await expect(receivePush(world.tenants.acme.id, commits(10_001))).rejects.toMatchObject({ code: 'FH400' })
})

test('an invitation to a proved address is emptied, also when it was withdrawn', async () => {
  const person = await enrol(database, 'much-invited')
  await database.superuser.query('update app_public.users set email_verified_at = now() where id = $1', [person.id])
  const [invited] = await ask(database, world.mallory, 'select (tenant_member).id from app_public.invite_member($1)', [
    person.email,
  ])
  await ask(database, world.mallory, 'select from app_public.withdraw_invitation($1)', [invited!.id])
  expect(await tracesOf(person.email)).toEqual(expect.arrayContaining([expect.stringMatching(/row_versions_p/)]))
  await database.owner.query('select app_private.erase_person($1)', [person.id])
  expect(await tracesOf(person.email)).toEqual([])
  expect(await findings(database)).toEqual([])
})

test('emptying the ledger of somebody who was not erased shows', async () => {
  await database.superuser.query(`
    begin; set local role app_system;
    update audit.row_versions set personal = null, personal_salt = null where subject_id = '${world.vera.id}' and table_name = 'users' and action = 'insert';
    commit`)
  expect(await findings(database)).toMatchObject([
    {
      kind: 'edited',
      table: 'users',
      rowId: world.vera.id,
      what: 'its personal values were emptied, and nobody was erased',
    },
  ])
})

test('the last owner of a tenant is refused, by the names of the tenants', async () => {
  await expect(
    ask(database, world.alice, 'select * from app_public.erase_user($1)', [world.alice.password]),
  ).rejects.toMatchObject({
    code: 'FH409',
    detail: expect.stringMatching(/"LAST_OWNER".*"acme"|"acme".*"LAST_OWNER"/),
  })
  expect(await tracesOf(world.alice.email)).toContain('app_public.users')
})

test('an operator may erase, nobody else; an erased or unknown person is not found', async () => {
  const ghost = await enrol(database, 'ghostly-person')
  await joinTenant(database, world.alice, ghost, world.tenants.acme, 'developer')
  for (const pool of [database.worker, database.authenticator]) {
    await expect(pool.query('select app_private.erase_person($1)', [ghost.id])).rejects.toMatchObject({ code: '42501' })
  }
  await database.owner.query('select app_private.erase_person($1)', [ghost.id])
  expect(await tracesOf(ghost.email)).toEqual([])
  await expect(database.owner.query('select app_private.erase_person($1)', [ghost.id])).rejects.toMatchObject({
    code: 'FH404',
  })
  await expect(database.owner.query('select app_private.erase_person(uuidv7())')).rejects.toMatchObject({
    code: 'FH404',
  })
  const { rows } = await database.superuser.query('select erased_by from audit.erasures where user_id = $1', [ghost.id])
  expect(rows).toEqual([{ erased_by: null }])
})

test('an API key can not erase its owner', async () => {
  const [key] = await ask(database, world.bob, `select * from app_public.create_api_key('k', '{write}')`)
  await expect(
    ask(database, { token: key!.token }, 'select * from app_public.erase_user($1)', [world.bob.password]),
  ).rejects.toMatchObject({ code: 'FH401' })
})

test('erasure is not a way around the counters of an address', async () => {
  const erase = async (name: string) => {
    const person = await enrol(database, name)
    return callAs(database.authenticator, person, 'select * from app_public.erase_user($1)', [person.password])
  }
  for (let index = 0; index < 5; index++) await erase(`passer-by-${index}`)
  await expect(erase('passer-by-5')).rejects.toMatchObject({ code: 'FH429' })
}, 30_000)

test('the list of erasures only grows', async () => {
  for (const statement of [
    'delete from audit.erasures',
    'update audit.erasures set erased_at = now()',
    'truncate audit.erasures',
  ]) {
    await expect(database.superuser.query(`begin; ${statement}`)).rejects.toMatchObject({ code: 'FH422' })
    await database.superuser.query('rollback').catch(() => {})
  }
  expect(await claimsOf(database.authenticator, world.alice)).toBeTruthy()
})
