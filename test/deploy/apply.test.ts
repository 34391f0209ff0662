import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { apply, BrokenLawError, runChecks } from '../../src/deploy/apply.ts'
import { SourceError } from '../../src/deploy/sources.ts'
import { ROOT } from '../../src/deploy/database.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let root: string

// The clone is already applied: the sources of these tests are other files, in a schema of their own.
beforeEach(async () => {
  database = await testDatabase()
  root = mkdtempSync(join(tmpdir(), 'freehold-apply-'))
  await database.owner.query('create schema yard; delete from app_private.applied_sources')
})
afterEach(async () => {
  await database.close()
  rmSync(root, { recursive: true, force: true })
})

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const run = (options = {}) => apply(database.urls.owner, root, options)
const one = 'functions/yard/one.sql'
const two = 'functions/yard/two.sql'
const answer = (name: string, value: number) =>
  `create or replace function yard.${name}() returns int language sql as 'select ${value}';\n`

async function call(name: string): Promise<number> {
  const { rows } = await database.owner.query<{ value: number }>(`select yard.${name}() as value`)
  return rows[0]?.value ?? NaN
}

test('only changed files run, and --force runs all', async () => {
  write(one, answer('one', 1))
  write(two, answer('two', 2))
  expect(await run()).toEqual({ applied: [one, two], removed: [], dropped: [], strays: [] })
  expect(await run()).toEqual({ applied: [], removed: [], dropped: [], strays: [] })
  write(two, answer('two', 22))
  expect(await run()).toEqual({ applied: [two], removed: [], dropped: [], strays: [] })
  expect([await call('one'), await call('two')]).toEqual([1, 22])
  expect(await run({ force: true })).toEqual({ applied: [one, two], removed: [], dropped: [], strays: [] })
})

test('rooms run in order, and files of a room in whatever order works', async () => {
  write('policies/yard/a.sql', 'grant select on yard.a to app_user;')
  write('sql/views/a.sql', 'create or replace view yard.a as select * from yard.b;')
  write('sql/views/b.sql', 'create or replace view yard.b as select yard.one() as one;')
  write(one, answer('one', 1))
  expect((await run()).applied).toEqual([one, 'sql/views/a.sql', 'sql/views/b.sql', 'policies/yard/a.sql'])
})

test('a broken law rolls the whole apply back and says what, where, why and how to mend it', async () => {
  write(one, answer('one', 1))
  await run()
  write(one, answer('one', 11))
  write(
    'sql/checks/one_stays_one.sql',
    `select 'yard.one()' as offender, 'it returns ' || yard.one() as why, 'return 1' as mend where yard.one() <> 1`,
  )
  const failed = await run().catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(BrokenLawError)
  expect(failed).toMatchObject({
    message:
      'A law does not hold; nothing was applied.\none stays one (sql/checks/one_stays_one.sql)\n  yard.one(): it returns 11\n    mend  return 1',
    offences: [
      {
        law: 'one stays one',
        path: 'sql/checks/one_stays_one.sql',
        offender: 'yard.one()',
        why: 'it returns 11',
        mend: 'return 1',
      },
    ],
  })
  expect(await call('one')).toBe(1)
  write(one, answer('one', 1))
  expect((await run()).applied).toEqual(['sql/checks/one_stays_one.sql'])
})

test('a law that something outside the files broke is found by the next apply', async () => {
  write(
    'sql/checks/no_litter.sql',
    `select relname as offender, 'litter' as why, 'sweep' as mend from pg_class where relname = 'litter'`,
  )
  await run()
  await database.owner.query('create table yard.litter ()')
  expect((await run()).applied).toEqual([])
  await expect(run({ hasMigrated: true })).rejects.toBeInstanceOf(BrokenLawError)
  const client = await database.owner.connect()
  expect(await runChecks(client, root)).toEqual([
    { law: 'no litter', path: 'sql/checks/no_litter.sql', offender: 'litter', why: 'litter', mend: 'sweep' },
  ])
  client.release()
})

test('what names the registry runs again when the registry changes, or the tables did', async () => {
  write('sql/tables.sql', 'create or replace view yard.facts as select 1 as fact;')
  write(one, `${answer('one', 1)}-- app_private.table_registry`)
  write(two, answer('two', 2))
  await run()
  expect((await run()).applied).toEqual([])
  write('sql/tables.sql', 'create or replace view yard.facts as select 2 as fact;')
  expect((await run()).applied).toEqual(['sql/tables.sql', one])
  expect((await run({ hasMigrated: true })).applied).toEqual([one])
})

test('a check that does not say offender, why and mend is refused, though it found nothing', async () => {
  write('sql/checks/no_litter.sql', `select relname as offender, 'litter' as why from pg_class where false`)
  await expect(run()).rejects.toThrow(
    'sql/checks/no_litter.sql: a check returns offender, why, mend; this one offender, why',
  )
})

test('an error names file and line, counts characters as the server does, and changes nothing', async () => {
  write(one, answer('one', 1))
  write(two, `-- 🏡 takes two units in JavaScript, one character in PostgreSQL\n\nselect 1\n  from nowhere.at_all;\n`)
  const failed = await run().catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(SourceError)
  expect((failed as SourceError).message).toMatch(
    /^functions\/yard\/two\.sql:4: relation "nowhere.at_all" does not exist/,
  )
  await expect(call('one')).rejects.toThrow('does not exist')
})

test('bodies are checked when all is applied, and an invalid one is told with file and line', async () => {
  write(one, `-- 🏡\n${answer('one', 1)}`)
  write('sql/views/later.sql', 'create or replace view yard.later as select 1 as number;')
  const body = (column: string) => `create or replace function yard.two() returns int language sql as $$
  select ${column}
  from yard.later
$$;\n`
  write(two, body('numbre'))
  const three = 'functions/yard/topic/three.sql'
  write(three, `create or replace function yard.three() returns void language plpgsql as $$ begin retrun; end $$;\n`)
  const failed = await run().catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(BrokenLawError)
  expect((failed as BrokenLawError).offences).toEqual([
    expect.objectContaining({ offender: 'yard.three()', mend: expect.stringMatching(`^${three}:1: `) }),
    expect.objectContaining({
      law: 'function bodies are valid',
      offender: 'yard.two()',
      why: 'column "numbre" does not exist',
      mend: `${two}:2: Perhaps you meant to reference the column "later.number".`,
    }),
  ])
  write(two, body('number'))
  rmSync(join(root, three))
  await run()
  expect(await call('two')).toBe(1)
})

test('two applies at once: one does the work, the other finds it done', async () => {
  for (let index = 0; index < 20; index++) write(`functions/yard/f${index}.sql`, answer(`f${index}`, index))
  const results = await Promise.all([run(), run()])
  expect(results.map(({ applied }) => applied.length).sort()).toEqual([0, 20].sort())
})

test('what a file made goes with it: functions of every signature, and views', async () => {
  write(one, `${answer('one', 1)}create or replace function yard.one(n int) returns int language sql as 'select n';`)
  write('sql/views/yard/shed.sql', 'create or replace view yard.shed as select yard.one() as one;')
  await run()
  // Nobody's file made it, so nobody's file takes it away.
  await database.owner.query(`create function yard.stray() returns int language sql as 'select 3'`)
  rmSync(join(root, one))
  rmSync(join(root, 'sql/views/yard/shed.sql'))
  expect(await run()).toEqual({
    applied: [],
    removed: [one, 'sql/views/yard/shed.sql'],
    dropped: ['view yard.shed', 'routine yard.one()', 'routine yard.one(integer)'],
    strays: [],
  })
  await expect(call('one')).rejects.toThrow('does not exist')
  expect(await call('stray')).toBe(3)
  expect(await run()).toEqual({ applied: [], removed: [], dropped: [], strays: [] })
})

test('an older release neither replaces what a newer one applied nor takes it away', async () => {
  const release = (version: string) => write('package.json', JSON.stringify({ version }))
  release('1.10.0')
  write(one, answer('one', 110))
  write(two, answer('two', 2))
  await run()
  release('1.9.0')
  write(one, answer('one', 19))
  rmSync(join(root, two))
  await expect(run()).rejects.toThrow('Release 1.10.0 applied its sources to this database, and this is 1.9.0')
  await expect(run({ force: true })).rejects.toThrow('nothing was applied')
  expect([await call('one'), await call('two')]).toEqual([110, 2])
  release('1.10.1')
  expect(await run()).toMatchObject({ applied: [one], removed: [two], dropped: ['routine yard.two()'] })
  expect(await call('one')).toBe(19)
})

test('a file that moved is nothing that went', async () => {
  write(one, answer('one', 1))
  await run()
  rmSync(join(root, one))
  write('functions/yard/topic/one.sql', answer('one', 11))
  expect(await run()).toEqual({ applied: ['functions/yard/topic/one.sql'], removed: [], dropped: [], strays: [] })
  expect(await call('one')).toBe(11)
})

test('what something still stands on does not go, and nothing else of that apply happens', async () => {
  write(one, answer('one', 1))
  await run()
  await database.owner.query('create view yard.porch as select yard.one() as one')
  rmSync(join(root, one))
  write(two, answer('two', 2))
  await expect(run()).rejects.toThrow(/^functions\/yard\/one\.sql.*cannot drop function yard\.one\(\)/s)
  expect(await call('one')).toBe(1)
  await expect(call('two')).rejects.toThrow('does not exist')
})

test('a table that somebody holds is waited for, longer than its lock may take', async () => {
  await database.owner.query('create table yard.held (); grant all on yard.held to freehold_owner')
  const holder = await database.superuser.connect()
  await holder.query('begin; lock table yard.held in access exclusive mode')
  write('policies/yard/held.sql', `set local lock_timeout = '50ms'; grant select on yard.held to app_user;`)
  const applied = run()
  await until(async () => {
    const { rows } = await database.superuser.query(
      `select 1 from pg_stat_activity where query like '%yard.held to app_user%' and wait_event_type = 'Lock'`,
    )
    return rows.length > 0
  })
  // Let it fail once.
  await until(async () => {
    const { rows } = await database.superuser.query(
      `select 1 from pg_stat_activity where application_name like 'freehold-apply%'`,
    )
    return rows.length === 0
  })
  await holder.query('rollback')
  holder.release()
  expect((await applied).applied).toEqual(['policies/yard/held.sql'])
})

test('the project applies a second time with --force', async () => {
  const clone = await testDatabase()
  try {
    for (const room of ['functions', 'policies', 'sql', 'generated/sql'])
      cpSync(join(ROOT, room), join(root, room), { recursive: true })
    const { applied } = await apply(clone.urls.owner, root, { force: true })
    expect(applied.length).toBeGreaterThan(0)
  } finally {
    await clone.close()
  }
})
