import fc from 'fast-check'
import type pg from 'pg'
import { withTenant } from '../../src/db/withTenant.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'
import { ask, authenticate } from '../support/ask.ts'
import { refusal } from '../support/refusal.ts'
import { loop } from '../support/loops.ts'

interface Step {
  table_name: string
  row_id: string
  action: string | null
  changes: Record<string, { from?: unknown; to?: unknown }>
  conflict: string | null
  transaction_id: string | null
}

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const TABLES = [
  'tenants',
  'teams',
  'team_members',
  'projects',
  'project_members',
  'project_environments',
  'webhook_sources',
]

/** The tenant's content without what a revert leaves alone. */
async function dump(): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {}
  for (const table of TABLES) {
    const { rows } = await database.superuser.query(
      `select to_jsonb(t) - '{updated_at,last_activity_at}'::text[] as row from app_public.${table} t
       where to_jsonb(t) ->> $2 = $1 order by t.id`,
      [people.tenants.acme.id, table === 'tenants' ? 'id' : 'tenant_id'],
    )
    tables[table] = rows.map(({ row }) => row)
  }
  return tables
}

/** Runs statements as somebody, in one transaction; returns its id. */
async function transaction(token: string, ...statements: (string | [string, ...unknown[]])[]): Promise<string> {
  const claims = await authenticate(database, { token, tenant: people.tenants.acme.slug })
  return withTenant(database.authenticator, claims, async (client) => {
    const {
      rows: [row],
    } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id')
    for (const statement of statements)
      await (Array.isArray(statement) ? client.query(statement[0], statement.slice(1)) : client.query(statement))
    return row!.id
  })
}
const act = (...statements: (string | [string, ...unknown[]])[]) => transaction(people.alice.token, ...statements)

const revert = (args: string, values: unknown[], who = people.alice) =>
  ask<pg.QueryResultRow & Step>(database, who, `select * from app_public.revert(${args})`, values)
const preview = (args: string, values: unknown[], who = people.alice) =>
  ask<pg.QueryResultRow & Step>(database, who, `select * from app_public.preview_revert(${args})`, values)
const OF_TRANSACTION = 'transaction_id => $1'
const brief = (steps: Step[]) => steps.map(({ table_name, action, conflict }) => [table_name, action, conflict])

let names = 0
const fresh = (prefix: string) => `${prefix}-${(names += 1)}`
const made = async (sql: string, ...values: unknown[]): Promise<string> =>
  (await ask<{ id: string }>(database, people.alice, `${sql} returning id`, values))[0]!.id
const makeTeam = (name = fresh('team')) => made('insert into app_public.teams (name) values ($1)', name)
const makeProject = (slug = fresh('project')) =>
  made('insert into app_public.projects (name, slug) values ($1::text, $1::text)', slug)

test('an update goes back, only the columns that changed, and the ledger says who did it', async () => {
  const project = await makeProject()
  await act(['update app_public.projects set name = $2 where id = $1', project, fresh('before')])
  const before = await dump()
  const id = await act([
    'update app_public.projects set name = $2, description = $3 where id = $1',
    project,
    fresh('after'),
    'new',
  ])
  // A change of another column stays.
  await act(['update app_public.projects set repository_branch = $2 where id = $1', project, 'trunk'])

  const shown = await preview(OF_TRANSACTION, [id])
  expect(shown).toMatchObject([
    { table_name: 'projects', row_id: project, action: 'update', conflict: null, transaction_id: null },
  ])
  expect(shown[0]!.changes).toEqual({
    name: { from: expect.stringMatching(/^after/), to: expect.stringMatching(/^before/) },
    description: { from: 'new', to: '' },
  })
  expect((await dump()).projects).not.toEqual(before.projects)

  const done = await revert(OF_TRANSACTION, [id])
  expect(done).toEqual([{ ...shown[0], transaction_id: expect.any(String) }])
  const rows = (await dump()).projects as { id: string; repository_branch: string }[]
  expect(rows.map((row) => (row.id === project ? { ...row, repository_branch: 'main' } : row))).toEqual(before.projects)

  const { rows: versions } = await database.superuser.query(
    'select action, user_id, session_id is not null as in_session, diff - $2::text[] as diff from audit.row_versions where transaction_id = $1::text::xid8',
    [done[0]!.transaction_id, ['updated_at']],
  )
  expect(versions).toEqual([
    {
      action: 'update',
      user_id: people.alice.id,
      in_session: true,
      diff: { name: shown[0]!.changes.name!.from, description: 'new' },
    },
  ])
  const { rows: logs } = await database.superuser.query(
    `select tenant_id, user_id, details from app_public.audit_logs where action = 'revert' and details ->> 'transactionId' = $1`,
    [done[0]!.transaction_id],
  )
  expect(logs).toEqual([
    {
      tenant_id: people.tenants.acme.id,
      user_id: people.alice.id,
      details: { transactionId: done[0]!.transaction_id, steps: 1, reverted: { transactionId: id } },
    },
  ])
})

test('a project that was made goes, with its environments, and the revert of that brings the same ones back', async () => {
  const before = await dump()
  const slug = fresh('project')
  const id = await act(['insert into app_public.projects (name, slug) values ($1::text, $1::text)', slug])
  const between = await dump()
  const done = await revert(OF_TRANSACTION, [id])
  expect(await dump()).toEqual(before)
  await revert(OF_TRANSACTION, [done[0]!.transaction_id])
  expect(await dump()).toEqual(between)
})

test('a row goes back to a version, and a deleted one comes back', async () => {
  const team = await makeTeam('row a')
  const versions = async () =>
    (
      await database.superuser.query<{ id: string }>(
        `select id from audit.row_versions where table_name = 'teams' and row_id = $1 order by id`,
        [team],
      )
    ).rows.map(({ id }) => id)
  await act(['update app_public.teams set name = $2 where id = $1', team, 'row b'])
  await act(['update app_public.teams set description = $2 where id = $1', team, 'said'])
  const args = `table_name => 'teams', row_id => $1, version_id => $2`
  const [first, second] = await versions()
  expect((await revert(args, [team, first]))[0]!.changes).toEqual({
    name: { from: 'row b', to: 'row a' },
    description: { from: 'said', to: null },
  })
  await revert(args, [team, second])
  expect(
    await ask(database, people.alice, 'select name, description from app_public.teams where id = $1', [team]),
  ).toEqual([{ name: 'row b', description: null }])

  const member = await made(
    'insert into app_public.team_members (team_id, user_id) values ($1, $2)',
    team,
    people.bob.id,
  )
  const before = await dump()
  const gone = await act(['delete from app_public.team_members where id = $1', member])
  expect(brief(await revert(OF_TRANSACTION, [gone]))).toEqual([['team_members', 'insert', null]])
  expect(await dump()).toEqual(before)
})

test('everything a person or a key did since a moment', async () => {
  const project = await makeProject()
  await act(['insert into app_public.project_members (project_id, user_id) values ($1, $2)', project, people.bob.id])
  const [key] = await ask<{ token: string; api_key_id: string }>(
    database,
    people.bob,
    `select * from app_public.create_api_key('mine', '{write}')`,
  )
  const {
    rows: [{ now }],
  } = await database.superuser.query('select clock_timestamp() as now')
  const before = await dump()
  for (const description of ['one', 'two']) {
    await transaction(people.bob.token, [
      'update app_public.projects set description = $2 where id = $1',
      project,
      description,
    ])
  }
  await transaction(key!.token, [
    'update app_public.projects set repository_branch = $2 where id = $1',
    project,
    'trunk',
  ])
  const byKey = await revert('actor_api_key_id => $1, since => $2', [key!.api_key_id, now])
  expect(byKey.map(({ changes }) => changes)).toEqual([{ repository_branch: { from: 'trunk', to: 'main' } }])
  const byBob = await preview('actor_user_id => $1, since => $2', [people.bob.id, now])
  expect(brief(byBob)).toEqual([['projects', 'update', null]])
  await revert('actor_user_id => $1, since => $2', [people.bob.id, now])
  expect(await dump()).toEqual(before)
})

describe('conflicts are listed, and nothing is written', () => {
  const conflictOf = async (id: string) => {
    const before = await dump()
    const shown = await preview(OF_TRANSACTION, [id])
    const refused = await refusal(revert(OF_TRANSACTION, [id]))
    expect(refused).toMatchObject({ sqlstate: 'FH409', code: 'REVERT_CONFLICTS' })
    const listed = shown.filter(({ conflict }) => conflict !== null)
    expect(refused.conflicts).toEqual(
      listed.map(({ table_name, row_id, action, conflict }) => ({
        tableName: table_name,
        rowId: row_id,
        action,
        conflict,
      })),
    )
    expect(await dump()).toEqual(before)
    return brief(listed)
  }

  test('the row was changed since', async () => {
    const team = await makeTeam()
    const id = await act(['update app_public.teams set description = $2 where id = $1', team, 'one'])
    await act(['update app_public.teams set description = $2 where id = $1', team, 'two'])
    expect(await conflictOf(id)).toEqual([['teams', 'update', 'changed since: description']])
  })

  test('somebody else changed it in between', async () => {
    const project = await makeProject()
    const {
      rows: [{ now }],
    } = await database.superuser.query('select clock_timestamp() as now')
    for (const [who, text] of [
      [people.alice, 'a'],
      [people.bob, 'b'],
      [people.alice, 'c'],
    ] as const) {
      if (who === people.alice)
        await act([
          'update app_public.projects set description = $2, visibility = $3 where id = $1',
          project,
          text,
          'team',
        ])
      else
        await transaction(who.token, ['update app_public.projects set description = $2 where id = $1', project, text])
    }
    expect(brief(await preview('actor_user_id => $1, since => $2', [people.alice.id, now]))).toEqual([
      ['projects', null, 'changed since: by somebody else in between'],
    ])
  })

  test('the row is gone, or there again', async () => {
    const team = await makeTeam()
    const project = await makeProject()
    const member = await made(
      'insert into app_public.team_members (team_id, user_id) values ($1, $2)',
      team,
      people.bob.id,
    )
    const changed = await act(['update app_public.team_members set role = $2 where id = $1', member, 'viewer'])
    const deleted = await act(['delete from app_public.team_members where id = $1', member])
    expect(await conflictOf(changed)).toEqual([['team_members', 'insert', 'gone: somebody else deleted the row']])
    await revert(OF_TRANSACTION, [deleted])
    expect(await conflictOf(deleted)).toEqual([['team_members', null, 'exists again: somebody else made the row']])
    const made_ = await act([
      'insert into app_public.project_members (project_id, user_id) values ($1, $2)',
      project,
      people.bob.id,
    ])
    await act(['delete from app_public.project_members where project_id = $1', project])
    expect(await conflictOf(made_)).toEqual([['project_members', null, 'gone: somebody else deleted the row']])
  })

  test('its parent is gone', async () => {
    const team = await makeTeam()
    const member = await made(
      'insert into app_public.team_members (team_id, user_id) values ($1, $2)',
      team,
      people.bob.id,
    )
    const id = await act(['delete from app_public.team_members where id = $1', member])
    await database.superuser.query('delete from app_public.teams where id = $1', [team])
    expect(await conflictOf(id)).toEqual([['team_members', 'insert', 'parent gone: team_members_team_id_fkey']])
  })

  test('the value is taken', async () => {
    const name = fresh('team')
    const team = await makeTeam(name)
    const id = await act(['update app_public.teams set name = $2 where id = $1', team, fresh('team')])
    await makeTeam(name)
    expect(await conflictOf(id)).toEqual([['teams', 'update', 'taken: teams_name_key']])
  })

  test('others hung something on it', async () => {
    const slug = fresh('project')
    const id = await act(['insert into app_public.projects (name, slug) values ($1::text, $1::text)', slug])
    await ask(
      database,
      people.alice,
      `select * from app_public.create_webhook_source((select id from app_public.projects where slug = $1), 'x')`,
      [slug],
    )
    expect(await conflictOf(id)).toEqual([['projects', 'delete', 'in use: by rows of webhook_sources']])
  })

  test('a rule refuses: the state machine, the platform', async () => {
    const project = await makeProject()
    const [deployment] = await ask<{ id: string }>(
      database,
      people.alice,
      `select id from app_public.request_deployment($1, 'production', $2)`,
      [project, 'a'.repeat(40)],
    )
    const id = await transaction(people.alice.token, ['select from app_public.cancel_deployment($1)', deployment!.id])
    expect(await conflictOf(id)).toEqual([
      ['deployments', 'update', 'refused: A deployment can not move from canceled to pending'],
    ])
    await database.superuser.query(
      'begin; update app_public.tenants set max_services = 99 where slug = $$acme$$; commit',
    )
    const {
      rows: [{ transaction_id }],
    } = await database.superuser.query(
      `select transaction_id::text from audit.row_versions where table_name = 'tenants' order by id desc limit 1`,
    )
    expect(await conflictOf(transaction_id)).toEqual([
      ['tenants', 'update', 'refused: max_services has a function of its own'],
    ])
  })

  test('one conflict keeps the rest from being written', async () => {
    const [a, b] = [await makeTeam(), await makeTeam()]
    const id = await act(['update app_public.teams set description = $2 where id = any ($1::uuid[])', [a, b], 'both'])
    await act(['update app_public.teams set description = $2 where id = $1', b, 'again'])
    expect(brief(await preview(OF_TRANSACTION, [id]))).toEqual([
      ['teams', 'update', 'changed since: description'],
      ['teams', 'update', null],
    ])
    expect(await conflictOf(id)).toHaveLength(1)
  })
})

test('who may not, can not', async () => {
  const team = await makeTeam()
  const id = await act(['update app_public.teams set description = $2 where id = $1', team, 'kept'])
  const [key] = await ask<{ token: string }>(
    database,
    people.alice,
    `select * from app_public.create_api_key('admin', '{admin}')`,
  )
  for (const call of ['preview_revert', 'revert']) {
    const tried = (who: { token: string | null }) =>
      refusal(ask(database, who, `select * from app_public.${call}(transaction_id => $1)`, [id]))
    expect(await tried(people.mallory)).toMatchObject({ sqlstate: 'FH404', code: 'NOTHING_TO_REVERT' })
    expect(await tried(people.bob)).toMatchObject({ sqlstate: 'FH403', code: 'FORBIDDEN' })
    expect(await tried({ token: key!.token })).toMatchObject({ sqlstate: 'FH401' })
    expect(await tried({ token: null })).toMatchObject({ sqlstate: '42501' })
    for (const args of [
      `version_id => '${team}'`,
      `actor_user_id => '${team}'`,
      `transaction_id => 'x'`,
      '',
      `transaction_id => '1', actor_user_id => '${team}', since => now()`,
      `table_name => 'users', row_id => '${people.bob.id}', version_id => '${team}'`,
    ]) {
      expect(await refusal(ask(database, people.alice, `select * from app_public.${call}(${args})`))).toMatchObject({
        sqlstate: 'FH400',
        code: 'REVERT_NOT_CLEAR',
      })
    }
  }
  expect(await ask(database, people.alice, 'select description from app_public.teams where id = $1', [team])).toEqual([
    { description: 'kept' },
  ])
  await revert(OF_TRANSACTION, [id])
  expect(await ask(database, people.alice, 'select description from app_public.teams where id = $1', [team])).toEqual([
    { description: null },
  ])
})

loop(
  'the revert of any transaction brings back what was there, and the revert of that what it had done',
  { short: 20, full: 200, of: 'transactions' },
  async (count) => {
    const teams = [await makeTeam(), await makeTeam(), await makeTeam()]
    const projects = [await makeProject(), await makeProject()]
    const who = [people.bob.id, people.vera.id, people.alice.id]
    const index = fc.nat({ max: 2 })
    const text = fc.string({ maxLength: 20 }).map((value) => value.replaceAll('\0', ''))
    const statement = fc.oneof(
      fc
        .tuple(index, text)
        .map(([i, value]) => [`update app_public.teams set description = $2 where id = $1`, teams[i]!, value]),
      index.map((i) => [`update app_public.teams set name = $2 where id = $1`, teams[i]!, fresh('renamed')]),
      fc.constant(0).map(() => [`insert into app_public.teams (name) values ($1)`, fresh('new')]),
      fc
        .tuple(index, index)
        .map(([i, j]) => [
          `insert into app_public.team_members (team_id, user_id) values ($1, $2) on conflict do nothing`,
          teams[i]!,
          who[j]!,
        ]),
      fc
        .tuple(index, index)
        .map(([i, j]) => [
          `delete from app_public.team_members where team_id = $1 and user_id = $2`,
          teams[i]!,
          who[j]!,
        ]),
      fc
        .constant(0)
        .map(() => [
          `with p as (insert into app_public.projects (name, slug) values ($1::text, $1::text) returning id) select from p`,
          fresh('made'),
        ]),
      fc
        .tuple(index, fc.jsonValue({ maxDepth: 1 }))
        .map(([i, value]) => [
          `update app_public.projects set tech_stack = jsonb_build_object('v', $2::jsonb), team_id = $3 where id = $1`,
          projects[i % 2]!,
          JSON.stringify(value).replaceAll('\\u0000', ''),
          teams[i]!,
        ]),
      fc
        .tuple(index, index)
        .map(([i, j]) => [
          `insert into app_public.project_members (project_id, user_id) values ($1, $2) on conflict do nothing`,
          projects[i % 2]!,
          who[j]!,
        ]),
      index.map((i) => [`delete from app_public.project_members where project_id = $1`, projects[i % 2]!]),
      fc
        .tuple(index, text)
        .map(([i, value]) => [
          `update app_public.project_environments set env_vars = jsonb_build_object('v', $2::text) where project_id = $1`,
          projects[i % 2]!,
          value,
        ]),
      index.map((i) => [
        `insert into app_public.project_environments (project_id, name) values ($1, $2)`,
        projects[i % 2]!,
        fresh('env'),
      ]),
      text.map((value) => [
        `update app_public.tenants set description = $1::text, settings = jsonb_build_object('v', $1::text)`,
        value,
      ]),
    ) as fc.Arbitrary<[string, ...unknown[]]>
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 8 }), async (statements) => {
        const before = await dump()
        const id = await act(...statements)
        const between = await dump()
        const {
          rows: [{ count }],
        } = await database.superuser.query(
          'select count(*)::int from audit.row_versions where transaction_id = $1::text::xid8',
          [id],
        )
        if (count === 0) return
        const done = await revert(OF_TRANSACTION, [id])
        expect(await dump()).toEqual(before)
        if (done.length === 0) return
        await revert(OF_TRANSACTION, [done[0]!.transaction_id])
        expect(await dump()).toEqual(between)
      }),
      { numRuns: count },
    )
  },
  60_000,
)
