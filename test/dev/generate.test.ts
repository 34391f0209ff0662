import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { dumpCatalog, renderSchema } from '../../src/dev/generate/catalog.ts'
import { renderErrors } from '../../src/dev/generate/errorsDoc.ts'
import { renderFunctions } from '../../src/dev/generate/functions.ts'
import { introspect, readIntrospection } from '../../src/dev/generate/introspect.ts'
import { ROOT } from '../../src/deploy/database.ts'
import { compareGenerated, generateAll, listGenerated } from '../../src/dev/generate/generateAll.ts'
import { generateQueries } from '../../src/dev/generate/queries.ts'
import { removeUnusedTypes } from '../../src/dev/generate/usedTypes.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let client: pg.Client
let dir: string

beforeAll(async () => {
  database = await testDatabase()
  client = new pg.Client(database.urls.owner)
  await client.connect()
  dir = await mkdtemp(join(tmpdir(), 'freehold-generate-test-'))
})

afterAll(async () => {
  await client?.end()
  await database?.close()
  if (dir) await rm(dir, { recursive: true, force: true })
})

/** One object of each kind, made in a transaction that is rolled back. */
const TABLES = `
  create type app_public.boat_kind as enum ('sail', 'row');
  create type app_public.boat_size as (length integer, width integer);
  create domain app_public.boat_name as text constraint boat_name_check check (value <> '');
  create sequence app_private.boat_numbers;
  create function app_hidden.boat_tenant() returns uuid language sql stable as 'select null::uuid';
  create function app_private.tg_boats__touch() returns trigger language plpgsql as 'begin return NEW; end';
  create table app_public.boats (
    tenant_id uuid not null, id uuid not null default uuidv7(), name app_public.boat_name not null, kind app_public.boat_kind not null default 'sail',
    number bigint generated always as identity, note text, shout text generated always as (upper(note)) virtual,
    constraint boats_pkey primary key (tenant_id, id), constraint boats_note_check check (note <> '')
  );
  alter table app_public.boats enable row level security, force row level security;
  create index boats_name_idx on app_public.boats (tenant_id, name);
  create trigger _100_touch before update on app_public.boats for each row execute function app_private.tg_boats__touch();
  create policy tenant_isolation on app_public.boats as restrictive for all to app_user using (tenant_id = (select app_hidden.boat_tenant()));
  create policy select_member on app_public.boats for select to app_user using (true);
  create table app_public.trips (tenant_id uuid not null, at timestamptz not null, boat_id uuid not null,
    constraint trips_boat_id_fkey foreign key (tenant_id, boat_id) references app_public.boats (tenant_id, id) on delete cascade) partition by range (at);
  create table partitions.trips_p202001 partition of app_public.trips for values from ('2020-01-01') to ('2020-02-01');
  create table partitions.trips_p202002 partition of app_public.trips for values from ('2020-02-01') to ('2020-03-01');
  alter table partitions.trips_p202001 enable row level security, force row level security;
  alter table partitions.trips_p202002 enable row level security, force row level security;
  create view app_public.sails with (security_invoker = true) as select id, name from app_public.boats where kind = 'sail';
  create materialized view app_hidden.boats_mv as select kind, count(*) as boats from app_public.boats group by kind;
`
const PRIVILEGES = [
  'grant select, insert (name, kind), update (name) on app_public.boats to app_user;',
  'grant select on app_public.sails to app_user, app_anonymous;',
  'grant execute on function app_hidden.boat_tenant() to app_user, app_anonymous;',
]
const COMMENTS = [
  `comment on table app_public.boats is 'Things that swim; it''s a fixture.';`,
  `comment on column app_public.boats.name is 'Name.';`,
  `comment on column app_public.boats.kind is 'Kind.';`,
  `comment on policy select_member on app_public.boats is 'Every member.';`,
]

const inTransaction = async <T>(statements: string[], run: () => Promise<T>): Promise<T> => {
  await client.query('begin')
  try {
    for (const statement of statements) await client.query(statement)
    return await run()
  } finally {
    await client.query('rollback')
  }
}

describe('the dump of the catalogs', () => {
  it('is the same for a database that got its grants and comments in another order', async () => {
    const forth = await inTransaction([TABLES, ...PRIVILEGES, ...COMMENTS], () => dumpCatalog(client))
    const back = await inTransaction([TABLES, ...COMMENTS.toReversed(), ...PRIVILEGES.toReversed()], () =>
      dumpCatalog(client),
    )
    expect(forth).toContain('grant select, insert (name, kind), update (name) on table app_public.boats to app_user;')
    expect(back).toBe(forth)
  })

  it('does not depend on the settings of the session, and leaves them alone', async () => {
    const plain = await dumpCatalog(client)
    await client.query(
      `set search_path to app_public, public; set timezone to 'Asia/Tokyo'; set intervalstyle to iso_8601`,
    )
    expect(await dumpCatalog(client)).toBe(plain)
    expect(
      (await client.query(`select current_setting('search_path') as path, current_setting('timezone') as zone`)).rows,
    ).toEqual([{ path: 'app_public, public', zone: 'Asia/Tokyo' }])
    await client.query('reset search_path; reset timezone; reset intervalstyle')
  })

  it('tells nothing that differs from one database to the next', async () => {
    const dump = await inTransaction([TABLES], () => dumpCatalog(client))
    expect(dump).not.toMatch(/_p20\d{4}\b/)
    expect(dump).not.toMatch(/SCRAM-SHA-256/)
    expect(dump).toContain(
      '-- monthly partitions, each: schema partitions, owner freehold_owner, row security enabled, forced, no grants',
    )
  })

  it('is split by object for reading, where a function has everything but its body', async () => {
    const files = await inTransaction([TABLES, ...PRIVILEGES, ...COMMENTS], async () =>
      renderSchema(await introspect(client)),
    )
    expect(files.get('app_hidden/boat_tenant.sql')).toBe(
      [
        'CREATE OR REPLACE FUNCTION app_hidden.boat_tenant()',
        ' RETURNS uuid',
        ' LANGUAGE sql',
        ' STABLE;',
        'alter function app_hidden.boat_tenant() owner to freehold_owner;',
        'grant execute on function app_hidden.boat_tenant() to app_anonymous;',
        'grant execute on function app_hidden.boat_tenant() to app_user;',
        '',
      ].join('\n'),
    )
    for (const part of [
      /create table/,
      /create policy select_member/,
      /CREATE TRIGGER/,
      /CREATE INDEX/,
      /grant select/,
    ])
      expect(files.get('app_public/boats.sql')).toMatch(part)
    expect([...files.keys()].filter((name) => !name.includes('/')).sort()).toEqual([
      'database.sql',
      'default_privileges.sql',
      'extensions.sql',
      'roles.sql',
      'schemas.sql',
    ])
  })

  it('loses the body in the files alone, in whatever language and form it was written', async () => {
    const bodies = `
      create function app_hidden.a_atomic(x integer) returns integer language sql begin atomic select x + 4711; end;
      create function app_hidden.a_return(x integer) returns integer language sql return x + 4711;
      create function app_hidden.a_quoted(x integer) returns integer language sql as 'select x + 4711 -- $function$ ';
      create procedure app_hidden.a_procedure(x integer) language plpgsql as 'begin perform 4711; end';`
    const [dump, files] = await inTransaction([bodies], async () => [
      await dumpCatalog(client),
      renderSchema(await introspect(client)),
    ])
    expect(dump.match(/4711/g)).toHaveLength(4)
    const ours = ['atomic', 'return', 'quoted', 'procedure'].map((name) => files.get(`app_hidden/a_${name}.sql`))
    expect(ours).toEqual(ours.map(() => expect.stringMatching(/^CREATE OR REPLACE [^]* LANGUAGE \w+;\nalter /)))
    expect([...files.values()].join('')).not.toContain('4711')
  })

  const MUTATIONS: Record<string, string> = {
    'a policy dropped': 'drop policy tenant_isolation on app_public.boats',
    'a policy for other roles': 'alter policy select_member on app_public.boats to app_user, app_anonymous',
    'a policy with another condition': 'alter policy select_member on app_public.boats using (false)',
    'a policy made permissive': `drop policy tenant_isolation on app_public.boats;
      create policy tenant_isolation on app_public.boats for all to app_user using (tenant_id = (select app_hidden.boat_tenant()))`,
    'row security switched off': 'alter table app_public.boats disable row level security',
    'row security no longer forced': 'alter table app_public.boats no force row level security',
    'a grant on a table': 'grant delete on app_public.boats to app_user',
    'a revoke on a table': 'revoke select on app_public.boats from app_user',
    'a grant on a column': 'grant update (note) on app_public.boats to app_user',
    'a grant option': 'grant select on app_public.boats to app_user with grant option',
    'a grant on a schema': 'grant usage on schema app_private to app_user',
    'a grant on a sequence': 'grant usage on sequence app_private.boat_numbers to app_user',
    'a revoke on a type': 'revoke usage on type app_public.boat_kind from public',
    'a revoke from the owner': 'revoke delete on app_public.boats from freehold_owner',
    'a function open to everybody': 'grant execute on function app_private.tg_boats__touch() to public',
    'a function closed': 'revoke execute on function app_hidden.boat_tenant() from app_user',
    'default privileges': 'alter default privileges in schema app_public grant select on tables to app_user',
    'a default': `alter table app_public.boats alter kind set default 'row'`,
    'a column': 'alter table app_public.boats add column extra text',
    'not null dropped': 'alter table app_public.boats alter name drop not null',
    'a type of a column': 'alter table app_public.boats alter number type integer',
    'a generated column':
      'alter table app_public.boats drop shout, add shout text generated always as (lower(note)) virtual',
    'an identity': 'alter table app_public.boats alter number set increment by 2',
    'a storage option': 'alter table app_public.boats set (fillfactor = 50)',
    'an owner': 'alter table app_public.boats owner to app_system',
    'a constraint dropped': 'alter table app_public.boats drop constraint boats_note_check',
    'a constraint renamed': 'alter table app_public.boats rename constraint boats_note_check to boats_memo_check',
    'a foreign key that deletes otherwise': `alter table app_public.trips drop constraint trips_boat_id_fkey;
      alter table app_public.trips add constraint trips_boat_id_fkey foreign key (tenant_id, boat_id) references app_public.boats (tenant_id, id) on delete restrict`,
    'an index dropped': 'drop index app_public.boats_name_idx',
    'an index over other columns':
      'drop index app_public.boats_name_idx; create index boats_name_idx on app_public.boats (tenant_id, name desc)',
    'a trigger dropped': 'drop trigger _100_touch on app_public.boats',
    'a trigger disabled': 'alter table app_public.boats disable trigger _100_touch',
    'a body of a function': `create or replace function app_hidden.boat_tenant() returns uuid language sql stable as 'select uuidv7()'`,
    'a security definer': 'alter function app_hidden.boat_tenant() security definer',
    'a search_path': 'alter function app_hidden.boat_tenant() set search_path to pg_catalog, pg_temp',
    'an owner of a function': 'alter function app_hidden.boat_tenant() owner to app_system',
    'a value of an enum': `alter type app_public.boat_kind add value 'motor'`,
    'a rule of a domain': 'alter domain app_public.boat_name drop constraint boat_name_check',
    'an attribute of a composite': 'alter type app_public.boat_size add attribute height integer',
    'a view': `create or replace view app_public.sails with (security_invoker = true) as select id, name from app_public.boats`,
    'an option of a view': 'alter view app_public.sails reset (security_invoker)',
    'a materialized view': 'drop materialized view app_hidden.boats_mv',
    'a sequence': 'alter sequence app_private.boat_numbers increment by 7',
    'a comment on a table': `comment on table app_public.boats is 'Another.'`,
    'a comment on a column': `comment on column app_public.boats.name is null`,
    'a comment on a policy': `comment on policy select_member on app_public.boats is 'Another.'`,
    'a comment on a constraint': `comment on constraint boats_note_check on app_public.boats is 'New.'`,
    'a comment on an index': `comment on index app_public.boats_name_idx is 'New.'`,
    'a rule': 'create rule boats_silent as on delete to app_public.boats do instead nothing',
    'extended statistics': 'create statistics app_public.boats_stats on kind, name from app_public.boats',
    'a grant on one partition': 'grant select on partitions.trips_p202001 to app_user',
    'row security of one partition': 'alter table partitions.trips_p202002 disable row level security',
    'a policy of one partition': 'create policy open on partitions.trips_p202001 for select to app_user using (true)',
    'an index of one partition': 'create index trips_p202001_at_idx on partitions.trips_p202001 (at)',
    'a default of one partition': 'alter table partitions.trips_p202001 alter at set default now()',
    'a partition detached': 'alter table app_public.trips detach partition partitions.trips_p202001',
    'a default partition': 'create table partitions.trips_default partition of app_public.trips default',
  }

  it('shows when anything changes', async () => {
    const unseen = await inTransaction([TABLES, ...PRIVILEGES, ...COMMENTS], async () => {
      const before = await dumpCatalog(client)
      const missed: string[] = []
      for (const [name, mutation] of Object.entries(MUTATIONS)) {
        await client.query('savepoint before')
        await client.query(mutation)
        if ((await dumpCatalog(client)) === before) missed.push(name)
        await client.query('rollback to savepoint before')
      }
      expect(await dumpCatalog(client)).toBe(before)
      return missed
    })
    expect(unseen).toEqual([])
  }, 60_000)
})

describe('typed queries', () => {
  /** A directory that holds one file of queries. */
  const queries = async (name: string, sql: string) => {
    const folder = join(dir, name)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'samples.sql'), sql)
    return folder
  }

  it('run with a client of pg', async () => {
    const out = join(dir, 'runnable')
    await generateQueries(
      database.urls.owner,
      await queries('valid', '/* @name AddOne */\nselect :number!::integer + 1 as "sum!";\n'),
      out,
    )
    expect(await readFile(join(out, 'samples.ts'), 'utf8')).toMatch(/^\/\/ @generated/)
    await symlink(join(ROOT, 'node_modules'), join(out, 'node_modules'), 'junction')
    await writeFile(join(out, 'package.json'), '{ "type": "module" }')
    await writeFile(
      join(out, 'run.ts'),
      `
      import pg from 'pg';
      import { addOne } from './samples.ts';
      const client = new pg.Client(process.argv[2]);
      await client.connect();
      console.log(JSON.stringify(await addOne.run({ number: 41 }, client)));
      await client.end();
    `,
    )
    const printed = execFileSync(process.execPath, [join(out, 'run.ts'), database.urls.owner], { encoding: 'utf8' })
    expect(JSON.parse(printed)).toEqual([{ sum: 42 }])
  }, 30_000)

  it.each([
    ['a table that does not exist', '/* @name Broken */\nselect id from app_public.nowhere;\n'],
    [
      'a syntax error beside a valid query',
      '/* @name Fine */\nselect 1 as one;\n\n/* @name Broken */\nselect from where;\n',
    ],
    ['a column without a name', '/* @name Nameless */\nselect 1;\n'],
    ['no query at all', '-- nothing here\n'],
  ])(
    'are refused for %s',
    async (name, sql) => {
      const folder = await queries(name.replaceAll(' ', '-'), sql)
      await expect(generateQueries(database.urls.owner, folder, join(dir, 'never'))).rejects.toThrow(/pgtyped/)
      expect(await listGenerated(join(dir, 'never'))).toEqual([])
    },
    30_000,
  )
})

describe('functions.ts', () => {
  const FUNCTIONS = `
    create function app_public.find_boats(kind app_public.boat_kind default 'sail', names text[] default null, at timestamptz default now())
      returns setof app_public.boats language sql stable as 'select * from app_public.boats';
    create function app_public.count_boats(since bigint, facts jsonb) returns integer language sql stable strict as 'select 1';
    create function app_public.measure_boat(size app_public.boat_size, sizes app_public.boat_size[]) returns void language sql as 'select';
    create function app_public.kinds_of_boats(out kinds app_public.boat_kind[], out total bigint) language sql as $$select null::app_public.boat_kind[], 1::bigint$$;
    create type app_public.harbour as enum ('north', 'south');
    create function app_public.harbours() returns app_public.harbour[] language sql as 'select null::app_public.harbour[]';
    create function app_public.names_of_boats() returns setof app_public.boat_name language sql as $$select 'x'::app_public.boat_name$$;
    create function app_public.nobody_calls() returns void language sql as 'select';
    grant execute on function app_public.find_boats, app_public.count_boats, app_public.measure_boat, app_public.kinds_of_boats,
      app_public.names_of_boats, app_public.harbours to app_user;`

  /** What stands in functions.ts of the functions that only these statements make. */
  const rendered = (...more: string[]) =>
    inTransaction([TABLES, FUNCTIONS, ...more], async () => {
      const types = join(dir, 'kanel')
      await mkdir(join(types, 'app_public'), { recursive: true })
      for (const name of ['Boats', 'BoatKind', 'BoatSize', 'BoatName', 'Harbour'])
        await writeFile(join(types, `app_public/${name}.ts`), '')
      return await renderFunctions(await readIntrospection(client), ['app_public'], types)
    })
  const entryOf = (text: string, name: string) => new RegExp(`  '${name}': \\{\\n[^]*?\\n  \\};\\n`).exec(text)?.[0]

  it('names arguments and results by the types of the catalog', async () => {
    const text = await rendered()
    expect(entryOf(text, 'app_public.find_boats')).toBe(`  'app_public.find_boats': {
    arguments: {
      kind?: BoatKind | null;
      names?: string[] | null;
      at?: Date | string | null;
    };
    result: Boats[];
  };
`)
    expect(entryOf(text, 'app_public.count_boats')).toContain('      since: number | string;\n      facts: unknown;\n')
    expect(entryOf(text, 'app_public.count_boats')).toContain('result: number | null;')
    expect(entryOf(text, 'app_public.measure_boat')).toContain('size: Partial<BoatSize> | null;')
    expect(entryOf(text, 'app_public.measure_boat')).toContain('sizes: Partial<BoatSize>[] | null;')
    expect(entryOf(text, 'app_public.measure_boat')).toContain('result: undefined;')
    expect(entryOf(text, 'app_public.kinds_of_boats')).toContain(
      'result: { kinds: string | null; total: string | null } | null;',
    )
    expect(entryOf(text, 'app_public.names_of_boats')).toContain('result: (BoatName | null)[];')
    expect(text).not.toContain('Harbour')
    for (const line of [
      `import type { default as BoatKind } from './app_public/BoatKind.ts';`,
      `'app_public.find_boats': 'rows',`,
      `'app_public.count_boats': 'value',`,
      `'app_public.measure_boat': 'nothing',`,
      `'app_public.kinds_of_boats': 'row',`,
      `'app_public.names_of_boats': 'values',`,
      `'app_public.count_boats': { facts: 'json' },`,
      `'app_public.measure_boat': { size: 'app_public.boat_size', sizes: 'app_public.boat_size[]' },`,
    ])
      expect(text).toContain(line)
  })

  it('leaves out what no role of ours may execute', async () => {
    expect(await rendered()).not.toContain('nobody_calls')
    expect(await rendered('grant execute on function app_public.nobody_calls to freehold_worker')).toContain(
      'nobody_calls',
    )
  })

  it('refuses two functions of one name, between which a call could not choose', async () => {
    const another = `create function app_public.count_boats() returns integer language sql as 'select 1'`
    expect(await rendered(another)).toContain('count_boats')
    await expect(rendered(another, 'grant execute on function app_public.count_boats() to app_user')).rejects.toThrow(
      'app_public.count_boats has two functions',
    )
  })
})

describe('errors.md', () => {
  test('a refusal is read however its lines are broken', () => {
    const definition = `
      perform app_hidden.raise_error(404, 'BOAT_NOT_FOUND', 'No such boat');
      perform app_hidden.raise_error(
        409, 'BOAT_SUNK',
        'It is on the ground');
      return app_hidden.refusal(401,
        'NOT_THE_CAPTAIN', 'Somebody else '
        'steers');`
    const text = renderErrors([{ name: 'sail', definition }], [])
    expect(text.split('\n').filter((line) => line.endsWith('| `sail` |'))).toEqual([
      '| `BOAT_NOT_FOUND` | 404 | No such boat | `sail` |',
      '| `BOAT_SUNK` | 409 | It is on the ground | `sail` |',
      '| `NOT_THE_CAPTAIN` | 401 | Somebody else steers | `sail` |',
    ])
  })
})

describe('generated types', () => {
  /** A root with types, and one file of source that imports `names`. */
  const checkout = async (name: string, names: string[]) => {
    const root = join(dir, name)
    const types = join(root, 'generated/types')
    await mkdir(join(types, 'app_public'), { recursive: true })
    await mkdir(join(types, 'audit'), { recursive: true })
    await mkdir(join(root, 'src/worker'), { recursive: true })
    const imports = names.map((path) => `import type { default as It } from '../../generated/types/${path}'\n`)
    await writeFile(join(root, 'src/worker/user.ts'), imports.join(''))
    await writeFile(join(types, 'functions.ts'), `import type { default as Boats } from './app_public/Boats.ts';\n`)
    await writeFile(join(types, 'app_public/Boats.ts'), `import type { Id } from './Harbours.ts';\n`)
    await writeFile(join(types, 'app_public/Harbours.ts'), `import type { Id } from './Boats.ts';\n`)
    await writeFile(join(types, 'audit/Seals.ts'), `import type { Id } from '../app_public/Harbours.ts';\n`)
    await removeUnusedTypes(types, root)
    return await listGenerated(types)
  }

  it('that nobody imports are taken away, with those that only they import', async () => {
    expect(await checkout('some', ['functions.ts'])).toEqual([
      'app_public/Boats.ts',
      'app_public/Harbours.ts',
      'functions.ts',
    ])
    expect(await checkout('another', ['audit/Seals.ts'])).toEqual([
      'app_public/Boats.ts',
      'app_public/Harbours.ts',
      'audit/Seals.ts',
    ])
    expect(await checkout('none', [])).toEqual([])
  })
})

describe('generated/', () => {
  it('is written the same every time, each file marked as generated', async () => {
    const [first, second] = [join(dir, 'first'), join(dir, 'second')]
    await generateAll({ urls: database.urls, outDir: first })
    await generateAll({ urls: database.urls, outDir: second })
    const names = await listGenerated(first)
    expect(names).toEqual(
      expect.arrayContaining([
        'schema/roles.sql',
        'schema/app_public/tenants.sql',
        'schema.graphql',
        'dictionary.md',
        'erd.md',
        'errors.md',
        'types/functions.ts',
        'types/app_public/Tenants.ts',
      ]),
    )
    expect(await compareGenerated(first, second)).toEqual([])
    const heads = await Promise.all(
      names.map(async (name) => (await readFile(join(first, name), 'utf8')).split('\n', 1)[0]),
    )
    expect(names.filter((_name, i) => !heads[i]?.includes('@generated'))).toEqual([])
  }, 60_000)

  it('is told apart when a file is stale, missing or extra, but may have a README', async () => {
    const [fresh, committed] = [join(dir, 'fresh'), join(dir, 'committed')]
    await mkdir(join(fresh, 'types'), { recursive: true })
    await mkdir(committed, { recursive: true })
    await writeFile(join(fresh, 'types/New.ts'), 'new')
    await writeFile(join(fresh, 'schema.sql'), 'now')
    await writeFile(join(fresh, 'same.md'), 'same')
    await writeFile(join(committed, 'schema.sql'), 'before')
    await writeFile(join(committed, 'old.md'), 'old')
    await writeFile(join(committed, 'same.md'), 'same')
    await writeFile(join(committed, 'README.md'), 'by hand')
    expect(await compareGenerated(fresh, committed)).toEqual([
      { kind: 'extra', name: 'old.md' },
      { kind: 'stale', name: 'schema.sql' },
      { kind: 'missing', name: 'types/New.ts' },
    ])
    expect(await compareGenerated(fresh, fresh)).toEqual([])
  })
})
