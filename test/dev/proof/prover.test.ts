import type pg from 'pg'
import { runChecks } from '../../../src/deploy/apply.ts'
import { ROOT } from '../../../src/deploy/database.ts'
import { readSources, type Source } from '../../../src/deploy/sources.ts'
import { buildWorld, type World } from '../../../src/dev/proof/fixture.ts'
import { tryErasure } from '../../../src/dev/proof/erasure.ts'
import { prove, type Proof } from '../../../src/dev/proof/prove.ts'
import { testDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let world: World
let client: pg.PoolClient
let proof: Promise<Proof> | undefined

beforeAll(async () => {
  database = await testDatabase()
  await database.owner.query('select app_private.ensure_partitions()')
  world = await buildWorld(database)
  client = await database.superuser.connect()
  await client.query(`begin; set local track_functions = 'pl'`)
})
afterAll(async () => {
  await client?.query('rollback')
  client?.release()
  await database?.close()
})

/** Runs `fn` in a database that was tampered with, and mends it. */
async function tampered<T>(sql: string, fn: () => Promise<T>): Promise<T> {
  await client.query(`savepoint tampered; ${sql}`)
  try {
    return await fn()
  } finally {
    await client.query('rollback to savepoint tampered')
  }
}
/** Over everything, once for all tests that look at it. */
const wholeProof = () => (proof ??= prove(client, world))
const proveTable = (table: string): Promise<Proof> => prove(client, world, { only: [table] })
/** Whether some law is broken. The one that was broken last is asked first, which spares most of the others. */
const isNoticedByALaw = async (laws: Source[]): Promise<boolean> => {
  for (const [index, law] of laws.entries()) {
    if ((await client.query(law.text)).rows.length === 0) continue
    laws.unshift(...laws.splice(index, 1))
    return true
  }
  return false
}
const brokenLaws = async () => [...new Set((await runChecks(client, ROOT)).map(({ law }) => law))]

test('nobody gets from one tenant into the other', async () => {
  const { cells, breaches, missing } = await wholeProof()
  expect({ breaches, missing }).toEqual({ breaches: [], missing: [] })
  expect(cells).toBeGreaterThan(5000)
}, 60_000)

test('erasing somebody leaves everybody else as they were', async () => {
  const { cells, breaches } = await tryErasure(client, world)
  expect(breaches).toEqual([])
  expect(cells).toBeGreaterThan(300)
}, 60_000)

test.each([
  ['of another tenant', `update app_public.webhook_events set error = 'reached'`, 'app_public.webhook_events'],
  [
    'of somebody beside them',
    `update app_public.users set bio = 'reached' where email like 'alice%'`,
    'app_public.users',
  ],
])(
  'an erasure that reaches data %s is noticed',
  async (_whose, reach, table) => {
    const breaches = await tampered(
      `create or replace function app_private.erase_rows(user_id uuid, tenant_ids uuid[]) returns void language plpgsql as $$
     begin ${reach}; update app_public.users u set email = 'erased-' || u.id || '@erased.invalid' where u.id = erase_rows.user_id; end $$`,
      async () => (await tryErasure(client, world)).breaches,
    )
    expect(breaches).toContainEqual(expect.stringContaining(`changed ${table}`))
  },
  60_000,
)

test('each PL/pgSQL function returns from a call, in the proof or in what is done here', async () => {
  await wholeProof()
  await tampered('', async () => {
    await client.query(`
      update app_public.teams set id = id;
      update app_public.projects set team_id = team_id;
      update app_public.deployments set commit_sha = commit_sha;
      update app_public.project_environments set requires_approval = true;
      update app_public.project_environments set requires_approval = false;
      update app_public.project_environments set max_builds = 2;
      truncate app_public.user_settings;
      set local app.migration = 'on';
      set local session authorization freehold_owner;
      truncate audit.seals;
      reset session authorization`)
    await client.query(`select app_private.send_login_code('nobody@example.test', null)`)
    await client.query(`select app_private.authenticate($1, 'acme', null, null, null)`, [
      world.furniture.acme.keys.write.token,
    ])
    await client.query(`select app_private.authenticate($1, 'acme', null, null, null)`, [world.people.oscar.token])
    await client.query('select app_private.make_operator($1, true)', [world.people.oscar.email])
  })
  // Counted whatever becomes of the transaction, but not when the call ends in an error.
  const { rows } = await client.query<{ name: string }>(`
    select distinct s.name || '.' || f.proname as name
    from pg_proc f
    join app_private.our_schemas s on s.oid = f.pronamespace
    join pg_language l on l.oid = f.prolang and l.lanname = 'plpgsql'
    where coalesce(pg_stat_get_xact_function_calls(f.oid), 0) = 0
    order by 1`)
  // They never return; the proof has the one raise, and the other refuses whenever it runs.
  expect(rows.map(({ name }) => name)).toEqual(['app_hidden.raise_error', 'app_private.tg__refuse_depth'])
}, 60_000)

test('a policy that is dropped is noticed, whichever it is', async () => {
  const { rows: policies } = await client.query<{ table: string; name: string }>(`
    select polrelid::regclass::text as table, quote_ident(polname) as name from pg_policy
    where polrelid in (select oid from pg_class where relnamespace in ('app_public'::regnamespace, 'app_private'::regnamespace))
    order by 1, 2`)
  expect(policies.length).toBeGreaterThan(80)
  const laws = (await readSources(ROOT)).filter(({ room }) => room === 'sql/checks')
  expect(await isNoticedByALaw(laws)).toBe(false)
  const unnoticed: string[] = []
  let byProof = 0
  for (const { table, name } of policies) {
    await tampered(`drop policy ${name} on ${table}`, async () => {
      // Walls leave the doors' own tenant test behind, and app_system is none of the actors: these are the laws' to find.
      if (name === 'tenant_isolation' || name === 'all_system') {
        if (!(await isNoticedByALaw(laws))) unnoticed.push(`${name} on ${table}`)
      } else {
        if ((await proveTable(table)).breaches.length === 0) unnoticed.push(`${name} on ${table}`)
        byProof++
      }
    })
  }
  expect(unnoticed).toEqual([])
  expect(byProof).toBeGreaterThan(40)
}, 120_000)

test('row security that is switched off is noticed', async () => {
  await tampered('alter table app_public.projects disable row level security', async () => {
    expect((await proveTable('app_public.projects')).breaches).toContainEqual(
      expect.stringMatching(/^app_public\.projects as mallory: sees \d+ rows/),
    )
    expect(await brokenLaws()).toEqual(['every table has row security enabled and forced'])
  })
  await tampered('alter table app_public.projects no force row level security', async () => {
    expect(await brokenLaws()).toEqual(['every table has row security enabled and forced'])
  })
})

test('a wall with a hole in every layer is noticed as sight of the other tenant', async () => {
  await tampered(
    `alter policy tenant_isolation on app_public.teams using (true);
                  alter policy select_member on app_public.teams using (true)`,
    async () => {
      const { breaches } = await proveTable('app_public.teams')
      expect(breaches).toContainEqual(expect.stringMatching(/as mallory: sees/))
      expect(breaches).toContainEqual(expect.stringMatching(/as nobody: sees/))
    },
  )
})

test('a grant to somebody without a log-in is noticed', async () => {
  await tampered(`grant select on app_public.event_types to app_anonymous`, async () => {
    expect(await brokenLaws()).toEqual(['anonymous reads and writes no table'])
  })
  await tampered(
    `grant select on app_public.users to app_anonymous; create policy select_all on app_public.users for select to app_anonymous using (true)`,
    async () => {
      expect((await proveTable('app_public.users')).breaches).toEqual([
        expect.stringMatching(/^app_public\.users as anonymous: sees/),
      ])
    },
  )
})

test('a partition that is opened is noticed', async () => {
  const {
    rows: [child],
  } = await client.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'app_public.events'::regclass limit 1`,
  )
  await tampered(
    `grant usage on schema partitions to app_user; grant select on ${child!.name} to app_user`,
    async () => {
      const { breaches } = await proveTable(child!.name)
      expect(breaches).toContainEqual(expect.stringContaining('as mallory: select from'))
    },
  )
})

test('a table that nobody thought of is missing from the proof', async () => {
  await tampered('create table app_public.afterthoughts (id uuid)', async () => {
    expect((await proveTable('app_public.afterthoughts')).missing).toEqual([
      'app_public.afterthoughts: no case in src/dev/proof/tables.ts',
    ])
  })
})

test('an object of a kind that the proof does not walk is missing from it', async () => {
  await tampered(
    `create sequence audit.numbers;
     create aggregate audit.longest(text) (sfunc = textcat, stype = text);
     create function audit.tg__hidden() returns trigger language plpgsql as 'begin return null; end'`,
    async () => {
      expect((await prove(client, world, { only: [] })).missing).toEqual([
        'audit.longest(text): the proof does not walk an aggregate',
        'audit.numbers: the proof does not walk a sequence',
        'audit.tg__hidden(): the proof does not walk a trigger function outside of app_private',
      ])
    },
  )
})

test('the numbers of an identity column are noticed when somebody may ask for them', async () => {
  await tampered(
    'grant usage on sequence app_private.undispatched_events_position_seq to freehold_worker',
    async () => {
      expect((await prove(client, world, { only: [] })).missing).toEqual([
        'app_private.undispatched_events_position_seq: the proof does not walk a sequence',
      ])
    },
  )
})

describe('a function is noticed', () => {
  const only = [
    'app_public.current_tenant()',
    'app_public.archive_project(uuid)',
    'app_public.afterthought()',
    'app_private.decrypt_secret(text)',
  ]
  const found = (sql: string) => tampered(sql, () => prove(client, world, { only }))

  test('that tells of another tenant', async () => {
    const { breaches } = await found(`
      create or replace function app_public.current_tenant() returns app_public.tenants language sql stable security definer
        set search_path to pg_catalog, pg_temp as $$ select t from app_public.tenants t order by t.slug limit 1 $$;
      alter function app_public.current_tenant() owner to app_system`)
    expect(breaches).toContain('app_public.current_tenant() as mallory: the foreign call returned something of acme')
    expect(breaches).toContain('app_public.current_tenant() as anonymous: the foreign call returned something of acme')
  })

  test('that changes another tenant', async () => {
    const { breaches } = await found(`
      create or replace function app_public.archive_project(id uuid) returns app_public.projects
        language sql volatile security definer set search_path to pg_catalog, pg_temp
        as $$ update app_public.projects p set archived_at = now() where p.id = archive_project.id returning null::app_public.projects $$`)
    expect(breaches).toContainEqual(
      expect.stringMatching(
        /^app_public\.archive_project\(uuid\) as nobody: the foreign call changed (.*, )?app_public\.projects, .*of acme$/,
      ),
    )
    expect(breaches).toContainEqual(expect.stringContaining('as bob: the rightful call gave'))
  })

  test('that the wrong role may execute', async () => {
    const { breaches } = await found(
      'grant usage on schema app_private to app_user; grant execute on function app_private.decrypt_secret(text) to app_user',
    )
    expect(breaches).toContainEqual(
      expect.stringMatching(/^app_private\.decrypt_secret\(text\) as mallory: the foreign call/),
    )
  })

  test('that nobody thought of', async () => {
    const { missing } =
      await found(`create function app_public.afterthought() returns integer language sql as 'select 1';
      grant execute on function app_public.afterthought() to app_user`)
    expect(missing).toEqual(['app_public.afterthought(): no case in src/dev/proof/cases.ts'])
  })
})
