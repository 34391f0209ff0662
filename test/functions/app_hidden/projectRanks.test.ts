import type pg from 'pg'
import { CLAIM_NAMES } from '../../../src/db/withTenant.ts'
import { testDatabase, type TestDatabase } from '../../support/database.ts'
import { loop } from '../../support/loops.ts'
import { namedPeople } from '../../support/people.ts'
import { ask, askOne } from '../../support/ask.ts'
import { refusal } from '../../support/refusal.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
const made = {} as Record<'project' | 'team' | 'source' | 'pending' | 'waiting' | 'environment', string>

const RANKS = ['billing', 'viewer', 'member', 'developer', 'admin', 'owner'] as const
type Rank = (typeof RANKS)[number]
const CAP = { read: 'viewer', write: 'developer', admin: 'admin' } as const

/** What each rank may do in a project, by the names of the acts below: written down here and nowhere read from the database. */
const MAY: Readonly<Record<Rank, readonly string[]>> = {
  billing: ['see'],
  viewer: ['see', 'history of members'],
  member: ['see', 'history of members'],
  developer: [
    'see',
    'history of members',
    'inbox',
    'sources',
    'history of sources',
    'deploy',
    'cancel',
    'claim',
    'log',
    'lock',
    'describe',
    'environment settings',
    'new environment',
    'delete environment',
    'new source',
    'rotate secret',
    'switch source',
    'archive',
  ],
  admin: ['everything'],
  owner: ['everything'],
}
const ADMIN_ONLY = ['approve', 'lift approval', 'delete', 'put people in']

const quote = (text: string) => `'${text}'`
const acts = (): Readonly<Record<string, string>> => ({
  see: `select 1 from app_public.projects where id = ${quote(made.project)}`,
  'history of members': `select 1 from app_public.project_members_audit where project_id = ${quote(made.project)} and snapshot ->> 'user_id' = ${quote(people.alice.id)}`,
  inbox: `select 1 from app_public.webhook_events where project_id = ${quote(made.project)}`,
  sources: `select 1 from app_public.webhook_sources where project_id = ${quote(made.project)}`,
  'history of sources': `select 1 from app_public.webhook_sources_audit where project_id = ${quote(made.project)}`,
  deploy: `select app_public.request_deployment(${quote(made.project)}, 'production', 'abcdef1')`,
  cancel: `select app_public.cancel_deployment(${quote(made.pending)})`,
  claim: `select deployment_id from app_public.claim_deployment('runner') where deployment_id is not null`,
  log: `select app_public.append_deployment_logs(${quote(made.pending)}, array(select jsonb_populate_record(null::app_public.log_line, '{"message": "x", "source": "runtime"}')))`,
  lock: `update app_public.deployments set is_locked = true where id = ${quote(made.pending)} returning 1`,
  describe: `update app_public.projects set description = 'x' where id = ${quote(made.project)} returning 1`,
  'environment settings': `update app_public.project_environments set branch = 'x' where id = ${quote(made.environment)} returning 1`,
  'new environment': `insert into app_public.project_environments (project_id, name) values (${quote(made.project)}, 'extra') returning 1`,
  'delete environment': `select app_public.delete_environment(${quote(made.environment)})`,
  'new source': `select app_public.create_webhook_source(${quote(made.project)}, 'another')`,
  'rotate secret': `select app_public.rotate_webhook_source_secret(${quote(made.source)})`,
  'switch source': `update app_public.webhook_sources set is_active = false where id = ${quote(made.source)} returning 1`,
  archive: `select app_public.archive_project(${quote(made.project)})`,
  approve: `select app_public.approve_deployment(${quote(made.waiting)})`,
  'lift approval': `update app_public.project_environments set requires_approval = false where name = 'staging' and project_id = ${quote(made.project)} returning 1`,
  delete: `select app_public.delete_project(${quote(made.project)})`,
  'put people in': `insert into app_public.project_members (project_id, user_id, role) values (${quote(made.project)}, ${quote(people.bill.id)}, 'viewer') returning 1`,
})

beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  const { alice } = people
  const id = async (sql: string, values: readonly unknown[] = []) =>
    (await askOne<{ id: string }>(database, alice, sql, values)).id
  made.team = await id(`insert into app_public.teams (name) values ('crew') returning id`)
  made.project = await id(
    `insert into app_public.projects (name, slug, visibility, team_id) values ('Shop', 'shop', 'public', $1) returning id`,
    [made.team],
  )
  await id(`insert into app_public.project_members (project_id, user_id, role) values ($1, $2, 'owner') returning id`, [
    made.project,
    alice.id,
  ])
  await ask(
    database,
    alice,
    `update app_public.project_environments set requires_approval = true where name = 'staging'`,
  )
  made.environment = await id(`select id from app_public.project_environments where name = 'production'`)
  made.waiting = await id(`select id from app_public.request_deployment($1, 'staging', 'abcdef1')`, [made.project])
  made.pending = await id(`select id from app_public.request_deployment($1, 'production', 'abcdef1')`, [made.project])
  made.source = await id(`select webhook_source_id as id from app_public.create_webhook_source($1, 'git')`, [
    made.project,
  ])
  await database.superuser.query(
    `insert into app_public.webhook_events (tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, raw_body, payload, headers)
     values ($1, $2, $3, 'github', 'push', 'd1', '', '{}', '{}')`,
    [people.tenants.acme.id, made.source, made.project],
  )
})
afterAll(() => database.close())

/** Tries each act and undoes it: 'yes' when it gave a row, 'no' when it gave none or was refused by a code. */
const TRY = `create function pg_temp.try_acts(acts jsonb) returns jsonb language plpgsql as $$
declare
  v_act record;
  v_ok boolean;
  v_result jsonb := '{}';
begin
  for v_act in select * from jsonb_each_text(acts) loop
    begin
      v_ok := false;
      execute 'with a as (' || v_act.value || ') select true from a limit 1' into v_ok;
      raise exception using errcode = 'ZZ001';
    exception
      when sqlstate 'ZZ001' then v_result := v_result || jsonb_build_object(v_act.key, coalesce(v_ok, false));
      when sqlstate 'FH403' or sqlstate 'FH404' or insufficient_privilege then
        v_result := v_result || jsonb_build_object(v_act.key, false);
    end;
  end loop;
  return v_result;
end $$`

type Bearer = { token: string; tenant: string }
type Triple = readonly [tenant: Rank, project: Rank | null, team: Rank | null]

/** Inside a transaction that is undone, Bob is ranked so and presents himself: with his claims kept, or found anew in each statement. */
async function asBob<T>(
  [tenant, project, team]: Triple,
  bearer: Bearer,
  isKept: boolean,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await database.superuser.connect()
  const acme = people.tenants.acme.id
  try {
    await client.query('begin')
    await client.query('update app_public.tenant_members set role = $3 where tenant_id = $1 and user_id = $2', [
      acme,
      people.bob.id,
      tenant,
    ])
    for (const [table, column, id, role] of [
      ['project_members', 'project_id', made.project, project],
      ['team_members', 'team_id', made.team, team],
    ] as const)
      if (role !== null)
        await client.query(
          `insert into app_public.${table} (tenant_id, ${column}, user_id, role) values ($1, $2, $3, $4)`,
          [acme, id, people.bob.id, role],
        )
    const { claims } = (
      await client.query(`select app_private.authenticate($1, $2, '10.0.0.1', 'test', 'req') as claims`, [
        bearer.token,
        bearer.tenant,
      ])
    ).rows[0] as { claims: Record<string, string> }
    await client.query(
      `select set_config('app.' || name, coalesce($2::jsonb ->> name, ''), true) from unnest($1::text[]) name`,
      [CLAIM_NAMES, isKept ? claims : { ...claims, project_ranks: '', hidden_project_ids: '' }],
    )
    await client.query(TRY)
    await client.query('set local role app_user')
    return await work(client)
  } finally {
    await client.query('rollback')
    client.release()
  }
}
/** Bob's rank in the project for every triple, each tried and undone; in the order of TRIPLES. */
async function ranksOf({ token }: Bearer, isKept: boolean): Promise<(Rank | null)[]> {
  const client = await database.superuser.connect()
  try {
    await client.query('begin')
    await client.query(`create function pg_temp.rank_of(tenant text, project text, team text, token text, is_kept boolean)
      returns text language plpgsql as $$
      declare
        v_acme   uuid := '${people.tenants.acme.id}';
        v_bob    uuid := '${people.bob.id}';
        v_claims jsonb;
        v_rank   text;
      begin
        perform set_config('app.member_role', '', true);
        update app_public.tenant_members m set role = tenant::app_public.member_role
        where m.tenant_id = v_acme and m.user_id = v_bob;
        insert into app_public.project_members (tenant_id, project_id, user_id, role)
        select v_acme, '${made.project}', v_bob, project::app_public.member_role where project is not null;
        insert into app_public.team_members (tenant_id, team_id, user_id, role)
        select v_acme, '${made.team}', v_bob, team::app_public.member_role where team is not null;
        v_claims := app_private.authenticate(token, 'acme', '10.0.0.1', 'test', 'req');
        perform set_config('app.member_role', v_claims ->> 'member_role', true),
          set_config('app.project_ranks', case when is_kept then v_claims ->> 'project_ranks' else '' end, true);
        v_rank := app_hidden.project_rank('${made.project}');
        raise exception using errcode = 'ZZ001';
      exception when sqlstate 'ZZ001' then
        return v_rank;
      end $$`)
    const { rows } = await client.query<{ rank: Rank | null }>(
      `select pg_temp.rank_of(t ->> 0, t ->> 1, t ->> 2, $2, $3) as rank
       from jsonb_array_elements($1::jsonb) with ordinality as e (t, n) order by n`,
      [JSON.stringify(TRIPLES), token, isKept],
    )
    return rows.map(({ rank }) => rank)
  } finally {
    await client.query('rollback')
    client.release()
  }
}
const actsOf = async (client: pg.PoolClient): Promise<string[]> => {
  const { may } = (await client.query('select pg_temp.try_acts($1) as may', [acts()])).rows[0]
  return Object.keys(may)
    .filter((act) => may[act])
    .sort()
}

const expectedActs = (rank: Rank): string[] =>
  [...(MAY[rank][0] === 'everything' ? [...MAY.developer, ...ADMIN_ONLY] : MAY[rank])].sort()
/** The rule, said a second time and plainly. */
const rankThere = ([tenant, project, team]: Triple): Rank => {
  if (tenant === 'owner' || tenant === 'admin') return tenant
  if (project !== null) return project
  if (team !== null) return team
  return tenant
}
const GIVEN = [null, ...RANKS]
const TRIPLES: readonly Triple[] = RANKS.flatMap((tenant) =>
  GIVEN.flatMap((project) => GIVEN.map((team) => [tenant, project, team] as const)),
)

test('the role of the project counts, then that of its team, then the rank in the tenant: every triple', async () => {
  const expected = TRIPLES.map((triple) => [...triple, rankThere(triple)])
  for (const isKept of [true, false]) {
    const ranks = await ranksOf(session(), isKept)
    expect(TRIPLES.map((triple, n) => [...triple, ranks[n]])).toEqual(expected)
  }
})

test('no key ranks above its scopes, whatever project and team say: every triple', async () => {
  for (const scope of ['read', 'write', 'admin'] as const) {
    // Made while its owner ranks high enough, and kept when that changes.
    await rankBob('admin')
    const { token } = await askOne(
      database,
      people.bob,
      'select token from app_public.create_api_key($1::text, array[$1::text]::app_public.api_scope[])',
      [scope],
    )
    await rankBob('developer')
    const capped = (rank: Rank) => RANKS[Math.min(RANKS.indexOf(rank), RANKS.indexOf(CAP[scope]))]
    const ranks = await ranksOf({ token: token!, tenant: 'acme' }, true)
    expect(TRIPLES.map((triple, n) => [...triple, ranks[n]])).toEqual(
      TRIPLES.map((triple) => [...triple, capped(rankThere(triple))]),
    )
  }
})

loop(
  'reads and acts follow the rank in the project',
  { short: 42, full: TRIPLES.length, of: 'triples of ranks' },
  async (count) => {
    // Fewer rounds still meet each rank of the tenant with each role of the project, and all roles of the team.
    const inOrder = TRIPLES.toSorted((a, b) => order(a) - order(b))
    for (const triple of inOrder.slice(0, count))
      expect([triple, await asBob(triple, session(), true, actsOf)]).toEqual([triple, expectedActs(rankThere(triple))])
  },
  120_000,
)
const order = ([tenant, project, team]: Triple): number =>
  (GIVEN.indexOf(team) - GIVEN.indexOf(project) - RANKS.indexOf(tenant) + 14) % GIVEN.length

test('acts of a claim that is found anew in each statement are the same', async () => {
  for (const triple of [
    ['developer', 'viewer', null],
    ['viewer', null, 'developer'],
    ['member', 'admin', 'billing'],
  ] as const)
    expect(await asBob(triple, session(), false, actsOf)).toEqual(expectedActs(rankThere(triple)))
})

test('a key narrowed to a project may be as strong as its maker is there, and no stronger', async () => {
  const make = (triple: Triple) =>
    asBob(triple, session(), true, async (client) => {
      try {
        await client.query(`select app_public.create_api_key('ci', '{write}', project_id => $1)`, [made.project])
        return 'made'
      } catch (error) {
        return (await refusal(Promise.reject(error as Error))).code
      }
    })
  expect(await make(['viewer', 'developer', null])).toBe('made')
  expect(await make(['developer', null, null])).toBe('made')
  expect(await make(['developer', 'viewer', null])).toBe('FORBIDDEN')
  expect(await make(['viewer', null, null])).toBe('FORBIDDEN')
})

const session = (): Bearer => ({ token: people.bob.token, tenant: 'acme' })
const rankBob = (role: Rank) =>
  ask(database, people.alice, 'select app_public.change_member_role($1, $2)', [people.bob.id, role])

describe('nobody raises themselves, or others above themselves', () => {
  // Bob leads the crew and owns a project of his own.
  const inside = async (setup: string, act: string, tail = ' returning 1'): Promise<string> => {
    const client = await database.superuser.connect()
    const { acme } = people.tenants
    const ids = { ...made, acme: acme.id, bob: people.bob.id, vera: people.vera.id, bill: people.bill.id }
    const fill = (sql: string) => sql.replace(/:(\w+)/g, (_, name: keyof typeof ids) => quote(ids[name]))
    try {
      await client.query('begin')
      if (setup !== '') await client.query(fill(setup))
      const { claims } = (
        await client.query(`select app_private.authenticate($1, 'acme', '10.0.0.1', 'test', 'req') as claims`, [
          people.bob.token,
        ])
      ).rows[0] as { claims: Record<string, string> }
      await client.query(
        `select set_config('app.' || name, coalesce($2::jsonb ->> name, ''), true) from unnest($1::text[]) name`,
        [CLAIM_NAMES, claims],
      )
      await client.query('set local role app_user')
      const { rowCount } = await client.query(fill(act) + tail)
      return String(rowCount)
    } catch (error) {
      return (await refusal(Promise.reject(error as Error))).code
    } finally {
      await client.query('rollback')
      client.release()
    }
  }
  const insert = (table: 'project' | 'team', who: string, role: string) =>
    `insert into app_public.${table}_members (tenant_id, ${table}_id, user_id, role) values (:acme, :${table}, :${who}, '${role}');`
  const give = (table: 'project' | 'team', who: string, role: string) =>
    `insert into app_public.${table}_members (${table}_id, user_id, role) values (:${table}, :${who}, '${role}')`
  const set = (table: 'project' | 'team', who: string, role: string) =>
    `update app_public.${table}_members set role = '${role}' where ${table}_id = :${table} and user_id = :${who}`
  const leave = (table: 'project' | 'team') =>
    `delete from app_public.${table}_members where ${table}_id = :${table} and user_id = :bob`
  const owns = 'update app_public.projects set owner_id = :bob where id = :project;'
  const leads = 'update app_public.teams set owner_id = :bob where id = :team;'
  const ranks = (role: string) =>
    `update app_public.tenant_members set role = '${role}' where tenant_id = :acme and user_id = :bob;`

  test.each([
    ['the owner of a project gives themselves more', owns, give('project', 'bob', 'admin'), 'FORBIDDEN'],
    ['as much as they have', owns, give('project', 'bob', 'developer'), '1'],
    [
      'a lowered owner raises themselves',
      owns + insert('project', 'bob', 'member'),
      set('project', 'bob', 'developer'),
      'FORBIDDEN',
    ],
    ['and drops what lowers them', owns + insert('project', 'bob', 'member'), leave('project'), '0'],
    ['the owner gives another more than they have', owns, give('project', 'vera', 'admin'), 'FORBIDDEN'],
    ['as much as they have, to another', owns, give('project', 'vera', 'developer'), '1'],
    [
      'a member gives what the other has in the tenant',
      owns + ranks('member') + insert('project', 'vera', 'viewer'),
      set('project', 'vera', 'developer'),
      'FORBIDDEN',
    ],
    ['who was lowered leaves', insert('project', 'bob', 'viewer'), leave('project'), '0'],
    ['who was raised leaves', ranks('viewer') + insert('project', 'bob', 'developer'), leave('project'), '1'],
    [
      'who was raised leaves for a team that raises more',
      ranks('viewer') + insert('project', 'bob', 'developer') + insert('team', 'bob', 'admin'),
      leave('project'),
      '0',
    ],
    [
      'an admin of the project gives what they have',
      ranks('viewer') + insert('project', 'bob', 'admin'),
      give('project', 'vera', 'admin'),
      '1',
    ],
    [
      'but not more',
      ranks('viewer') + insert('project', 'bob', 'admin'),
      give('project', 'vera', 'owner'),
      'FORBIDDEN',
    ],
    [
      'nor to themselves',
      ranks('viewer') + insert('project', 'bob', 'admin'),
      set('project', 'bob', 'owner'),
      'FORBIDDEN',
    ],
    ['the lead of a team gives themselves more', leads, give('team', 'bob', 'admin'), 'FORBIDDEN'],
    ['the lead gives another more', leads, give('team', 'vera', 'admin'), 'FORBIDDEN'],
    ['as much as they have, in a team', leads, give('team', 'vera', 'developer'), '1'],
    ['a lowered lead leaves', leads + insert('team', 'bob', 'member'), leave('team'), '0'],
    ['a raised one leaves', leads + insert('team', 'bob', 'admin'), leave('team'), '1'],
    [
      'a developer takes the project from a team',
      '',
      'update app_public.projects set team_id = null where id = :project',
      'FORBIDDEN',
    ],
    ['its owner does', owns, 'update app_public.projects set team_id = null where id = :project', '1'],
    [
      'a developer names the same team again',
      '',
      'update app_public.projects set team_id = :team where id = :project',
      '1',
    ],
  ])('%s', async (_, setup, act, answer) => {
    expect(await inside(setup, act)).toBe(answer)
  })

  test('who was lowered in project and team can still leave the tenant', async () => {
    const lowered = insert('project', 'bob', 'viewer') + insert('team', 'bob', 'viewer')
    expect(await inside(lowered, 'select app_public.leave_tenant()', '')).toBe('1')
  })
})
