import { createHmac } from 'node:crypto'
import { call } from '../../src/db/call.ts'
import { lendingKeys } from '../../src/db/keys.ts'
import { withTenant, type Claims } from '../../src/db/withTenant.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'
import { ask } from '../support/ask.ts'
import { loop } from '../support/loops.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const versions = (table: string, id: string) =>
  rows(
    `select action, actor_type, user_id, api_key_id, actor, session_id, request_id, host(ip) as ip, user_agent, diff, snapshot
   from audit.row_versions where table_name = $1 and row_id = $2 order by id`,
    [table, id],
  )
const makeTeam = async (name: string) =>
  (await ask(database, people.alice, 'insert into app_public.teams (name) values ($1) returning id', [name]))[0]!
    .id as string
const claims = async (token: string, tenant: string | null) => {
  const given = { token, tenant, ip: '10.9.8.7', user_agent: 'curl', request_id: 'request-1' }
  return (await call(database.authenticator, 'app_private.authenticate', given)) as Claims
}

test('a version tells the whole of a change, and an update the old values', async () => {
  const session = await claims(people.alice.token, 'acme')
  const [team] = await withTenant(
    database.authenticator,
    session,
    async (client) =>
      (
        await client.query(
          `insert into app_public.teams (name, description) values ('whole', 'one') returning id, created_at, updated_at`,
        )
      ).rows,
  )
  await withTenant(database.authenticator, session, (client) =>
    client.query(`update app_public.teams set description = 'two' where id = $1`, [team.id]),
  )
  const [inserted, updated] = await versions('teams', team.id)
  const by = {
    actor_type: 'user',
    user_id: people.alice.id,
    api_key_id: null,
    actor: null,
    session_id: session.session_id,
    request_id: 'request-1',
    ip: '10.9.8.7',
    user_agent: 'curl',
  }
  expect(inserted).toEqual({
    action: 'insert',
    ...by,
    diff: {},
    snapshot: {
      id: team.id,
      tenant_id: people.tenants.acme.id,
      name: 'whole',
      description: 'one',
      owner_id: people.alice.id,
      deleted_at: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    },
  })
  expect(updated).toEqual({
    action: 'update',
    ...by,
    diff: { description: 'one', updated_at: inserted.snapshot.updated_at },
    snapshot: { ...inserted.snapshot, description: 'two', updated_at: expect.any(String) },
  })
})

test('what changes nothing, or quiet columns alone, leaves no version', async () => {
  const id = await makeTeam('quiet')
  await database.superuser.query('update app_public.teams set description = description where id = $1', [id])
  expect(await versions('teams', id)).toHaveLength(1)
  const {
    rows: [session],
  } = await database.superuser.query('select id from app_public.sessions where user_id = $1 limit 1', [people.alice.id])
  const before = (await versions('sessions', session.id)).length
  await database.superuser.query('update app_public.sessions set last_seen_at = now() where id = $1', [session.id])
  expect(await versions('sessions', session.id)).toHaveLength(before)
  await database.superuser.query(
    `update app_public.sessions set expires_at = expires_at + interval '1 day' where id = $1`,
    [session.id],
  )
  expect(await versions('sessions', session.id)).toHaveLength(before + 1)
})

test('the actor is right for a key, a task, a webhook and a hand on the database', async () => {
  const [project] = await ask(
    database,
    people.alice,
    `insert into app_public.projects (name, slug, visibility) values ('Acted', 'acted', 'team') returning id`,
  )
  const [key] = await ask<{ token: string; api_key_id: string }>(
    database,
    people.bob,
    `select * from app_public.create_api_key('runner', '{write}')`,
  )
  const [deployment] = await withTenant(
    database.authenticator,
    await claims(key!.token, null),
    async (client) =>
      (await client.query(`select id from app_public.request_deployment($1, ref => 'main')`, [project!.id])).rows,
  )
  expect((await versions('deployments', deployment.id))[0]).toMatchObject({
    actor_type: 'api',
    user_id: people.bob.id,
    api_key_id: key!.api_key_id,
    session_id: null,
  })

  await database.superuser
    .query(`set session_replication_role = replica; update app_public.deployments set status = 'building', runner = 'r',
    lease_expires_at = now() - interval '1 minute' where id = '${deployment.id}'; reset session_replication_role`)
  await withTenant(database.worker, { actor: 'deployments__requeue' }, (client) =>
    call(client, 'app_private.requeue_lost_deployments'),
  )
  expect((await versions('deployments', deployment.id)).at(-1)).toMatchObject({
    actor_type: 'worker',
    actor: 'deployments__requeue',
    user_id: null,
  })

  const [source] = await ask<{ webhook_source_id: string; secret: string }>(
    database,
    people.alice,
    `select * from app_public.create_webhook_source($1, 'hook')`,
    [project!.id],
  )
  const body = Buffer.from('{"zen": "Anything added dilutes everything else."}')
  await call(lendingKeys(database.authenticator), 'app_private.receive_webhook', {
    provider: 'github',
    webhook_source_id: source!.webhook_source_id,
    headers: {
      'x-github-event': 'ping',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': `sha256=${createHmac('sha256', source!.secret).update(body).digest('hex')}`,
    },
    body,
  })
  await database.superuser.query('update app_public.webhook_sources set description = $2 where id = $1', [
    source!.webhook_source_id,
    'by hand',
  ])
  expect((await versions('webhook_sources', source!.webhook_source_id)).at(-1)).toMatchObject({
    actor_type: 'system',
    actor: 'postgres',
    user_id: null,
  })

  // A migration runs as the owner, and fills tables as app_system.
  const migrated = await makeTeam('migrated')
  const owner = await database.owner.connect()
  await owner.query('begin; set local role app_system')
  await owner.query(`update app_public.teams set description = 'migrated' where id = $1`, [migrated])
  await owner.query('commit')
  owner.release()
  expect(
    await rows(
      `select actor_type, actor from audit.row_versions where table_name = 'teams' and snapshot ->> 'description' = 'migrated'`,
    ),
  ).toEqual([{ actor_type: 'system', actor: 'freehold_owner' }])
})

test('deleting and emptying are there', async () => {
  const [member] = await ask(
    database,
    people.alice,
    'insert into app_public.team_members (team_id, user_id) values ($1, $2) returning id',
    [await makeTeam('left'), people.bob.id],
  )
  await ask(database, people.alice, 'delete from app_public.team_members where id = $1 returning id', [member!.id])
  expect((await versions('team_members', member!.id)).map(({ action }) => action)).toEqual(['insert', 'delete'])
  const client = await database.superuser.connect()
  try {
    await client.query('begin')
    await client.query('truncate app_public.team_members')
    expect(
      (
        await client.query(
          `select action, row_id from audit.row_versions where table_name = 'team_members' order by id desc limit 1`,
        )
      ).rows,
    ).toEqual([{ action: 'truncate', row_id: null }])
  } finally {
    await client.query('rollback')
    client.release()
  }
})

loop(
  'writers side by side lose no version, and each knows the value before its own',
  { short: 10, full: 300, of: 'writes of each of six writers' },
  async (count) => {
    const team = await makeTeam('busy')
    await Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        for (let n = 0; n < count; n++) {
          await database.superuser.query('update app_public.teams set description = $2 where id = $1', [
            team,
            `${writer}-${n}`,
          ])
        }
      }),
    )
    const all = await versions('teams', team)
    expect(all).toHaveLength(6 * count + 1)
    expect(new Set(all.slice(1).map(({ snapshot }) => snapshot.description)).size).toBe(6 * count)
    for (const [index, { diff }] of all.slice(1).entries())
      expect(diff.description).toBe(all[index].snapshot.description)
  },
)

test('no secret is in the ledger', async () => {
  const [{ text }] = await rows(`select string_agg(v::text, ' ') as text from audit.row_versions v`)
  const secrets = [
    ...(await rows('select password_hash as secret from app_private.user_secrets')),
    ...(await rows('select secret from app_private.webhook_source_secrets')),
  ].map(({ secret }) => secret as string)
  expect(secrets.length).toBeGreaterThan(5)
  for (const secret of [...secrets, people.alice.token]) expect(text).not.toContain(secret)
  expect(text).toContain('is_totp_confirmed')
})

test('nobody changes or removes a version, its owner neither', async () => {
  const id = await makeTeam('fixed')
  const [update, remove, empty] = [
    `update audit.row_versions set snapshot = '{}' where row_id = '${id}'`,
    `delete from audit.row_versions where row_id = '${id}'`,
    'truncate audit.row_versions',
  ]
  for (const sql of [update, remove, empty])
    await expect(database.superuser.query(sql)).rejects.toMatchObject({ code: 'FH422' })
  // The owner does not even see the rows, and as app_system, who does, has no right.
  expect([(await database.owner.query(update)).rowCount, (await database.owner.query(remove)).rowCount]).toEqual([0, 0])
  await expect(database.owner.query(empty)).rejects.toMatchObject({ code: 'FH422' })
  const owner = await database.owner.connect()
  try {
    await owner.query('set role app_system')
    for (const sql of [update, remove, empty]) await expect(owner.query(sql)).rejects.toMatchObject({ code: '42501' })
    await owner.query('reset role')
  } finally {
    owner.release()
  }
  expect(await versions('teams', id)).toHaveLength(1)
})
