import fc from 'fast-check'
import type pg from 'pg'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'
import { ask } from '../support/ask.ts'
import { loop } from '../support/loops.ts'

let database: TestDatabase
let cast: Awaited<ReturnType<typeof namedPeople>>

beforeAll(async () => {
  database = await testDatabase()
  cast = await namedPeople(database)
})
afterAll(() => database?.close())

/** What a change of is no news (sql/triggers/audit.sql); the ledger may hold an older value. */
const QUIET: Record<string, readonly string[]> = { deployments: ['heartbeat_at', 'lease_expires_at'] }
const TABLES = [
  'teams',
  'team_members',
  'projects',
  'project_members',
  'project_environments',
  'deployments',
  'webhook_sources',
  'api_keys',
  'tenant_members',
] as const
type Dump = Record<(typeof TABLES)[number], unknown[]>

const rowsOf = (from: string) =>
  `select coalesce(jsonb_agg(to_jsonb(r) - $1::text[] order by r.id), '[]') as rows from ${from} r`

/** What Alice, the owner, sees of every table now. Columns without news are left out, `updated_at` too. */
async function dump(): Promise<Dump> {
  const entries = await Promise.all(
    TABLES.map(async (table) => {
      const [row] = await ask<{ rows: unknown[] }>(database, cast.alice, rowsOf(`app_public.${table}`), [
        [...(QUIET[table] ?? []), 'updated_at', 'last_used_at', 'usage_count', 'last_used', 'last_received_at'],
      ])
      return [table, row!.rows]
    }),
  )
  return Object.fromEntries(entries) as Dump
}

async function asOf(at: string): Promise<Dump> {
  const entries = await Promise.all(
    TABLES.map(async (table) => {
      const [row] = await ask<{ rows: unknown[] }>(database, cast.alice, rowsOf(`app_public.${table}_as_of($2)`), [
        [...(QUIET[table] ?? []), 'updated_at', 'last_used_at', 'usage_count', 'last_used', 'last_received_at'],
        at,
      ])
      return [table, row!.rows]
    }),
  )
  return Object.fromEntries(entries) as Dump
}

const clock = async () =>
  (await database.superuser.query<{ at: string }>('select clock_timestamp()::text as at')).rows[0]!.at

/** One transaction of random statements; what a row is chosen by is `n`, so that a case shrinks. */
type Step = { verb: string; n: number; text: string }
const STEPS: Record<string, (n: number) => string> = {
  addTeam: () =>
    `insert into app_public.teams (tenant_id, name) select $1, left($2 || gen_random_uuid(), 60) where $3::int is not null`,
  renameTeam: (n) =>
    `update app_public.teams set name = left($2 || id, 60), description = $2 where tenant_id = $1 and id = (${nth('teams', n)}) and $3::int is not null`,
  endTeam: (n) =>
    `update app_public.teams set deleted_at = now() where tenant_id = $1 and id = (${nth('teams', n)}) and $2 is not null and $3::int is not null`,
  dropTeam: (n) =>
    `delete from app_public.teams where tenant_id = $1 and id = (${nth('teams', n)}) and $2 is not null and $3::int is not null`,
  joinTeam: (n) => `insert into app_public.team_members (tenant_id, team_id, user_id) select $1, t.id, m.user_id
    from app_public.teams t, app_public.tenant_members m where t.tenant_id = $1 and m.tenant_id = $1 and m.user_id is not null
    and t.id = (${nth('teams', n)}) and $2 is not null and $3::int is not null on conflict do nothing`,
  addProject: () => `insert into app_public.projects (tenant_id, owner_id, name, slug, visibility)
    select $1, (select user_id from app_public.tenant_members where tenant_id = $1 and role = 'owner'), 'p', 'p-' || gen_random_uuid(), 'public' where $2 is not null and $3::int is not null`,
  changeProject: (
    n,
  ) => `update app_public.projects set description = $2, total_files = $3, visibility = case when $3 % 2 = 0 then 'private' else 'team' end::app_public.visibility
    where tenant_id = $1 and id = (${nth('projects', n)})`,
  endProject: (n) =>
    `update app_public.projects set deleted_at = case when deleted_at is null then now() end where tenant_id = $1 and id = (${nth('projects', n)}) and $2 is not null and $3::int is not null`,
  dropProject: (n) =>
    `delete from app_public.projects where tenant_id = $1 and id = (${nth('projects', n)}) and $2 is not null and $3::int % 3 = 0`,
  addEnvironment: (n) => `insert into app_public.project_environments (tenant_id, project_id, name, type)
    select $1, id, 'e' || md5($2 || $3), 'staging' from app_public.projects where tenant_id = $1 and id = (${nth('projects', n)}) on conflict do nothing`,
  endEnvironment: (n) =>
    `update app_public.project_environments set deleted_at = now() where tenant_id = $1 and id = (${nth('project_environments', n)}) and $2 is not null and $3::int is not null`,
  addDeployment: (
    n,
  ) => `insert into app_public.deployments (tenant_id, project_id, environment_id, environment, commit_sha, ref, provider, external_id)
    select tenant_id, project_id, id, type, left(md5($2), 12), 'refs/heads/b' || $3, case when $3 % 2 = 0 then 'docker' else 'nomad' end, 'x'
    from app_public.project_environments where tenant_id = $1 and id = (${nth('project_environments', n)})`,
  build: (
    n,
  ) => `update app_public.deployments set status = 'building', build_started_at = now(), runner = 'r', lease_expires_at = now() + interval '1 minute'
    where tenant_id = $1 and status = 'pending' and approval_state in ('not_required', 'approved') and id = (${nth('deployments', n)}) and $2 is not null and $3::int is not null`,
  measure: (
    n,
  ) => `update app_public.deployments set metrics = jsonb_build_object('n', $3::int), is_locked = not is_locked, heartbeat_at = now()
    where tenant_id = $1 and id = (${nth('deployments', n)}) and $2 is not null`,
}
const nth = (table: string, n: number) =>
  `select id from app_public.${table} where tenant_id = $1 order by id offset ${n} % greatest((select count(*) from app_public.${table} where tenant_id = $1), 1) limit 1`

/** The tables that a step empties; not within `with`. */
const EMPTIED: Record<string, string> = {
  emptyTeamMembers: 'app_public.team_members',
  emptyProjectMembers: 'app_public.project_members',
}
const VERBS = [...Object.keys(STEPS), ...Object.keys(EMPTIED)]

async function take(client: pg.ClientBase, steps: readonly Step[]): Promise<void> {
  for (const { verb, n, text } of steps) {
    await client.query('savepoint step')
    try {
      if (EMPTIED[verb]) await client.query(`truncate ${EMPTIED[verb]}`)
      else {
        const sql = STEPS[verb]!(n)
        await client.query(
          `with given as (select $1::uuid, $2::text, $3::int) ${sql}`
            .replaceAll('$2', '$2::text')
            .replaceAll('$2::text::text', '$2::text')
            .replaceAll('$3', '$3::int')
            .replaceAll('$3::int::int', '$3::int'),
          [cast.tenants.acme.id, text, n],
        )
      }
      done.set(verb, (done.get(verb) ?? 0) + 1)
    } catch (error) {
      failed.set(verb, String(error))
      await client.query('rollback to savepoint step')
    }
  }
}

async function begin(): Promise<pg.PoolClient> {
  const client = await database.superuser.connect()
  await client.query('begin')
  // A step that meets what another transaction holds is left out.
  await client.query(`set local lock_timeout = '10ms'`)
  return client
}
async function end(client: pg.PoolClient, how: 'commit' | 'rollback'): Promise<void> {
  await client.query(how)
  client.release()
}
async function run(steps: readonly Step[]): Promise<void> {
  const client = await begin()
  try {
    await take(client, steps)
  } finally {
    await end(client, 'commit')
  }
}
const done = new Map<string, number>()
const failed = new Map<string, string>()

loop(
  'as-of reads equal the dumps that were taken at those moments, whatever was open then',
  { short: 12, full: 150, of: 'histories' },
  async (count) => {
    const taken: { at: string; dump: Dump }[] = []
    const step = fc.record({
      verb: fc.constantFrom(...VERBS),
      n: fc.nat(30),
      text: fc.string({ unit: fc.constantFrom(...'aé"\\\'{}, 😀'), maxLength: 12 }),
    })
    // In place 0 a transaction is done at once; in the others it stays open until the place is told to end.
    const act = fc.record({
      place: fc.nat(2),
      steps: fc.array(step, { minLength: 1, maxLength: 5 }),
      ending: fc.constantFrom('commit' as const, 'commit' as const, 'rollback' as const, null, null),
    })
    const open = new Map<number, pg.PoolClient>()
    let overlapped = 0
    await run(
      ['addTeam', 'addProject', 'addProject', 'addEnvironment', 'addDeployment', 'joinTeam'].map((verb, n) => ({
        verb,
        n,
        text: 'start',
      })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 8 }), async (acts) => {
        for (const { place, steps, ending } of acts) {
          const client = open.get(place) ?? (await begin())
          await take(client, steps)
          // Emptying a table shuts out whoever reads it.
          const isShut = steps.some(({ verb }) => verb in EMPTIED)
          if (place !== 0 && ending === null && !isShut) open.set(place, client)
          else {
            open.delete(place)
            await end(client, ending ?? 'commit')
          }
          overlapped += open.size
          taken.push({ at: await clock(), dump: await dump() })
        }
        const { at, dump: expected } = taken.at(-1)!
        expect(await asOf(at)).toEqual(expected)
      }),
      { numRuns: count, endOnFailure: true },
    )
    for (const client of open.values()) await end(client, 'commit')
    // Chance may have left out a kind of step: each once more, on whatever there is.
    for (const verb of VERBS) {
      await run([
        { verb: 'addTeam', n: 0, text: verb },
        { verb, n: 0, text: verb },
      ])
      taken.push({ at: await clock(), dump: await dump() })
    }
    // And later, when much has happened since, and what was open has ended.
    for (const { at, dump: expected } of taken) expect(await asOf(at)).toEqual(expected)
    // Every kind of step was taken, or nothing was tried.
    expect(VERBS.filter((verb) => !done.has(verb)).map((verb) => [verb, failed.get(verb)])).toEqual([])
    expect(taken.some(({ dump }) => dump.deployments.length > 0)).toBe(true)
    expect(taken.length).toBeGreaterThan(15)
    expect(overlapped).toBeGreaterThan(10)
  },
  120_000,
)

test('as of a moment is what had been committed, and of one row the last to commit, whatever began first', async () => {
  const [{ id }] = (await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.teams (name) values ('Order') returning id`,
  )) as [{ id: string }]
  const name = async (at: string) =>
    (await ask<{ name: string }>(database, cast.vera, 'select name from app_public.team_as_of($1, $2)', [id, at]))[0]
      ?.name
  const [late, early] = [await begin(), await begin()]
  const rename = (client: pg.ClientBase, to: string) =>
    client.query('update app_public.teams set name = $2 where id = $1', [id, to])
  await late.query('select pg_current_xact_id()')
  await rename(early, 'first to commit')
  const whileOpen = await clock()
  await end(early, 'commit')
  const between = await clock()
  await rename(late, 'last to commit')
  const beforeTheEnd = await clock()
  await end(late, 'commit')
  const after = await clock()
  expect(await Promise.all([whileOpen, between, beforeTheEnd, after].map(name))).toEqual([
    'Order',
    'first to commit',
    'first to commit',
    'last to commit',
  ])
})

test('where the server keeps no times of commits, a change counts from the moment it was written', async () => {
  const without = await testDatabase({ isAlone: true, settings: { track_commit_timestamp: 'off' } })
  try {
    const people = await namedPeople(without)
    const [team] = await ask<{ id: string }>(
      without,
      people.alice,
      `insert into app_public.teams (name) values ('Before') returning id`,
    )
    const slow = await without.superuser.connect()
    await slow.query('begin')
    await slow.query(`update app_public.teams set name = 'Written' where id = $1`, [team!.id])
    const { rows } = await without.superuser.query('select clock_timestamp()::text as at')
    const read = () =>
      ask(without, people.vera, 'select name from app_public.team_as_of($1, $2)', [team!.id, rows[0].at])
    expect(await read()).toEqual([{ name: 'Before' }])
    await slow.query('commit')
    slow.release()
    expect(await read()).toEqual([{ name: 'Written' }])
  } finally {
    await without.close()
  }
})

test('a time of commit a day after the writing is about another cluster, where the ledger came from, and is not believed', async () => {
  const [team] = await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.teams (name) values ('Restored') returning id`,
  )
  const before = async (hours: number): Promise<string | null> => {
    const { rows } = await database.superuser.query(
      `select (created_at + interval '1 microsecond')::text as at from audit.row_versions where row_id = $1`,
      [team!.id],
    )
    const client = await database.superuser.connect()
    try {
      await client.query('begin')
      await client.query('set local session_replication_role to replica')
      await client.query(
        `update audit.row_versions set created_at = created_at - make_interval(hours => $2) where row_id = $1`,
        [team!.id, hours],
      )
      await client.query('commit')
    } finally {
      client.release()
    }
    const [row] = await ask<{ name: string | null }>(
      database,
      cast.vera,
      `select name from app_public.team_as_of($1, $2::timestamptz - make_interval(hours => $3))`,
      [team!.id, rows[0].at, hours],
    )
    return row!.name
  }
  // Two hours after it was written it had not been committed; then 26 hours after.
  expect(await before(2)).toBeNull()
  expect(await before(24)).toBe('Restored')
})

test('after a table was emptied nothing stood in it, before it everything, and its history says so', async () => {
  const [{ id }] = (await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.teams (name) values ('Emptied') returning id`,
  )) as [{ id: string }]
  const addBob = () =>
    ask<{ id: string }>(
      database,
      cast.alice,
      'insert into app_public.team_members (team_id, user_id) values ($1, $2) returning id',
      [id, cast.bob.id],
    )
  const [first] = await addBob()
  const [project] = await ask<{ id: string }>(
    database,
    cast.bob,
    `insert into app_public.projects (name, slug) values ('Members', 'members') returning id`,
  )
  await ask(
    database,
    cast.alice,
    `insert into app_public.project_members (project_id, user_id, role) values ($1, $2, 'viewer') returning id`,
    [project!.id, cast.vera.id],
  )
  const [key] = await ask<{ token: string }>(
    database,
    cast.bob,
    `select token from app_public.create_api_key('narrow', '{read}', project_id => $1)`,
    [project!.id],
  )
  const before = await clock()
  const client = await begin()
  await client.query('truncate app_public.team_members, app_public.project_members')
  const emptying = await clock()
  await end(client, 'commit')
  const after = await clock()
  const [second] = await addBob()
  const later = await clock()
  const members = async (at: string, caller: { token: string } = cast.vera) =>
    (
      await ask<{ id: string }>(
        database,
        caller,
        'select id from app_public.team_members_as_of($1) where team_id = $2',
        [at, id],
      )
    ).map((row) => row.id)
  expect([await members(before), await members(emptying)]).toEqual([[first!.id], [first!.id]])
  expect([await members(after), await members(later)]).toEqual([[], [second!.id]])
  expect(
    await ask(database, cast.vera, 'select id from app_public.team_member_as_of($1, $2)', [first!.id, after]),
  ).toEqual([{ id: null }])
  // To whoever can not read the entry, as a key of one project, the table was empty all the same.
  const membersOfProject = async (at: string) =>
    (await ask(database, { token: key!.token }, `select id from app_public.project_members_as_of($1)`, [at])).length
  expect([await membersOfProject(before), await membersOfProject(after)]).toEqual([1, 0])
  const history = async (caller: { token: string }) =>
    await ask(
      database,
      caller,
      `select action, team_member_id, snapshot, actor from app_public.team_members_audit where action = 'truncate'
       order by id desc limit 1`,
    )
  const entry = { action: 'truncate', team_member_id: null, snapshot: {}, actor: 'postgres' }
  expect([await history(cast.vera), await history(cast.nobody).catch(() => [])]).toEqual([[entry], []])
  // Of each tenant that the table had rows of, and no version a row.
  const { rows } = await database.superuser.query(
    `select count(*)::integer as entries, count(distinct tenant_id)::integer as tenants from audit.row_versions
     where table_name = 'team_members' and action = 'truncate' and transaction_id = (
       select transaction_id from audit.row_versions where table_name = 'team_members' and action = 'truncate' order by id desc limit 1)`,
  )
  expect(rows[0].entries).toBe(rows[0].tenants)
  expect(rows[0].entries).toBeLessThanOrEqual(3)
})

test('one row as of a moment is that row of the list, and none before it was there', async () => {
  const before = await clock()
  const [team] = await ask<{ id: string }>(
    database,
    cast.alice,
    `insert into app_public.teams (name) values ('Night shift') returning id`,
  )
  const between = await clock()
  await ask(database, cast.alice, `update app_public.teams set name = 'Day shift' where id = $1 returning id`, [
    team!.id,
  ])
  const after = await clock()
  const name = async (at: string, caller = cast.vera) =>
    (
      await ask<{ name: string | null }>(database, caller, 'select name from app_public.team_as_of($1, $2)', [
        team!.id,
        at,
      ])
    )[0]?.name ?? null
  expect(await name(before)).toBeNull()
  expect(await name(between)).toBe('Night shift')
  expect(await name(after)).toBe('Day shift')
  expect(await name(between, cast.mallory)).toBeNull()
  const [{ count }] = (await ask<{ count: string }>(
    database,
    cast.vera,
    `select count(*) from app_public.teams_as_of($1) where name = 'Night shift'`,
    [between],
  )) as [{ count: string }]
  expect(count).toBe('1')
})

test('a project as of a moment is seen by who sees it now; a deleted one by admins', async () => {
  const [made] = await ask<{ id: string }>(
    database,
    cast.bob,
    `insert into app_public.projects (name, slug, visibility) values ('Hidden', 'hidden', 'private') returning id`,
  )
  const at = await clock()
  const sees = async (caller: { token: string }) =>
    (
      await ask<{ id: string }>(database, caller, 'select id from app_public.projects_as_of($1) where id = $2', [
        at,
        made!.id,
      ])
    ).length
  expect([await sees(cast.bob), await sees(cast.alice), await sees(cast.vera), await sees(cast.mallory)]).toEqual([
    1, 1, 0, 0,
  ])
  await ask(database, cast.alice, 'select id from app_public.delete_project($1)', [made!.id])
  expect([await sees(cast.bob), await sees(cast.alice), await sees(cast.vera), await sees(cast.mallory)]).toEqual([
    0, 1, 0, 0,
  ])
  const now = await clock()
  expect(
    await ask(database, cast.alice, 'select id from app_public.projects_as_of($1) where id = $2', [now, made!.id]),
  ).toEqual([])
})
