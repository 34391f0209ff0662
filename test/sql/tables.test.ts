import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { ROOT } from '../../src/deploy/database.ts'
import { REGISTRY } from '../../src/deploy/sources.ts'
import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
let client: pg.PoolClient
beforeAll(async () => {
  database = await testDatabase()
  world = await namedPeople(database)
  client = await database.superuser.connect()
})
afterAll(async () => {
  client?.release()
  await database?.close()
})
beforeEach(() => client.query('begin'))
afterEach(() => client.query('rollback'))

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Applies the registry with the facts of one table written otherwise, and what is compiled from it. */
async function applyRegistry(table: string, facts: Record<string, unknown>): Promise<void> {
  await client.query(
    read(REGISTRY).replace(
      new RegExp(`(\\('${table}', '\\w+', '\\w+', )(jsonb )?'\\{[^']*\\}'`),
      `$1'${JSON.stringify(facts)}'`,
    ),
  )
  await client.query(read('sql/triggers/audit.sql'))
}

const TEAMS = {
  readers: 'viewer',
  not_erased: 'it is about nobody',
  not_exported: 'it is about nobody',
  revert: { order: 2 },
}
const versionsOf = async (rowId: string) =>
  (await client.query('select action, snapshot, diff from audit.row_versions where row_id = $1 order by id', [rowId]))
    .rows
const digest = (value: string) => ({
  sha256: createHash('sha256').update(value).digest('hex'),
  length: [...value].length,
})

async function addTeam(description: string, name = 'Divers'): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.teams (tenant_id, name, description) values ($1, $3, $2) returning id`,
    [world.tenants.acme.id, description, name],
  )
  return rows[0]!.id
}

test('a digest column enters the ledger as SHA-256 and length, before and after; nothing of its value', async () => {
  await applyRegistry('app_public.teams', { ...TEAMS, digest: ['description'] })
  const id = await addTeam('deep water 🌊')
  await client.query(`update app_public.teams set description = 'shallow' where id = $1`, [id])
  await client.query('update app_public.teams set description = null where id = $1', [id])
  const versions = await versionsOf(id)
  expect(versions).toMatchObject([
    { action: 'insert', snapshot: { name: 'Divers', description: digest('deep water 🌊') } },
    { action: 'update', snapshot: { description: digest('shallow') }, diff: { description: digest('deep water 🌊') } },
    { action: 'update', snapshot: { description: null }, diff: { description: digest('shallow') } },
  ])
  expect(JSON.stringify(versions)).not.toMatch(/deep|shallow/)
})

test('a revert does not bring back what the ledger holds a digest of', async () => {
  await applyRegistry('app_public.teams', { ...TEAMS, digest: ['description'] })
  const id = await addTeam('deep water')
  await client.query(`update app_public.teams set description = 'shallow', name = 'Swimmers' where id = $1`, [id])
  const revertTo = async (version: string) =>
    (
      await client.query(
        `select s.action, s.conflict from app_private.run_revert($1, app_private.revert_plan($1, 'teams', $2, $3, null, null, null, null), true) s`,
        [world.tenants.acme.id, id, version],
      )
    ).rows
  const [first] = (await client.query('select id from audit.row_versions where row_id = $1 order by id', [id])).rows
  expect(await revertTo(first.id)).toEqual([
    { action: 'update', conflict: 'refused: the ledger holds only a digest of description' },
  ])
  // A value that did not change need not come back.
  await client.query(`update app_public.teams set description = 'deep water' where id = $1`, [id])
  expect(await revertTo(first.id)).toEqual([{ action: 'update', conflict: null }])
})

test('a quiet column makes no version, a secret one is named and not kept', async () => {
  await applyRegistry('app_public.teams', { ...TEAMS, quiet: ['name'], secret: ['description'] })
  const id = await addTeam('deep water')
  await client.query(`update app_public.teams set name = 'Swimmers' where id = $1`, [id])
  await client.query(`update app_public.teams set description = 'shallow' where id = $1`, [id])
  const versions = await versionsOf(id)
  expect(versions.map(({ action, diff }) => [action, diff.description])).toEqual([
    ['insert', undefined],
    ['update', '[secret]'],
  ])
  expect(versions[0].snapshot.description).toBeUndefined()
})

test('erasure and export follow the registry', async () => {
  const {
    rows: [row],
  } = await client.query(
    `insert into app_public.teams (tenant_id, name, description, owner_id) values ($1, 'Hers', 'about her', $2) returning id`,
    [world.tenants.acme.id, world.vera.id],
  )
  const others = await addTeam('about nobody')
  await applyRegistry('app_public.teams', {
    readers: 'viewer',
    person: 'owner_id',
    personal: ['name', 'description'],
    erase: 'blank',
    erased: { name: `"erased"`.replaceAll('"', `''`) },
    export: 'led',
    not_reverted: 'it is the test',
  })
  await client.query('select app_private.erase_rows($1, $2)', [world.vera.id, [world.tenants.acme.id]])
  const { rows } = await client.query(
    'select name, description from app_public.teams where id = any ($1) order by name',
    [[row.id, others]],
  )
  expect(rows).toEqual([
    { name: 'Divers', description: 'about nobody' },
    { name: 'erased', description: null },
  ])
})

test('partitions are made as far ahead as the registry says, and only the emptying of append-only ones is refused', async () => {
  await applyRegistry('app_public.deployment_logs', {
    not_audited: 'append-only',
    is_live: true,
    partition: { column: 'created_at', every: '1 month', ahead: 7 },
  })
  const {
    rows: [made],
  } = await client.query('select app_private.ensure_partitions() as count')
  expect(made).toEqual({ count: 4 })
  const { rows } = await client.query(`
    select p.relname as parent, count(*)::int as partitions, count(*) filter (where exists (
      select from pg_trigger t where t.tgrelid = i.inhrelid and t.tgname = '_210_refuse_change'))::int as guarded
    from pg_inherits i join pg_class p on p.oid = i.inhparent
    where p.relname in ('deployment_logs', 'events') group by p.relname order by p.relname`)
  expect(rows).toEqual([
    { parent: 'deployment_logs', partitions: 8, guarded: 0 },
    { parent: 'events', partitions: 4, guarded: 4 },
  ])
})
