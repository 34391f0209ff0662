import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../src/deploy/database.ts'
import { migrate, readMigrations } from '../../src/deploy/migrate.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let root: string

beforeEach(async () => {
  database = await testDatabase()
  root = mkdtempSync(join(tmpdir(), 'freehold-migrate-'))
  cpSync(join(ROOT, '.gmrc'), join(root, '.gmrc'))
  cpSync(join(ROOT, 'migrations'), join(root, 'migrations'), { recursive: true })
})
afterEach(async () => {
  await database.close()
  rmSync(root, { recursive: true, force: true })
})

/** Adds a committed migration after the last one. */
async function commit(name: string, body: string): Promise<void> {
  const previous = (await readMigrations(root)).at(-1)?.hash ?? ''
  const hash = createHash('sha1')
    .update(`${`${previous}\n${body}`.trim()}\n`)
    .digest('hex')
  writeFileSync(
    join(root, 'migrations/committed', name),
    `--! Previous: ${previous}\n--! Hash: sha1:${hash}\n\n${body}\n`,
  )
}

test('a table that somebody holds is waited for, longer than its lock may take', async () => {
  await database.owner.query('create schema yard; create table yard.held ()')
  await commit('900000-first.sql', 'create table yard.made ();')
  await commit('900001-held.sql', `set local lock_timeout = '50ms';\nalter table yard.held add column x int;`)
  const holder = await database.superuser.connect()
  await holder.query('begin; lock table yard.held in access share mode')
  const begun: string[] = []
  const migrated = migrate(database.urls.owner, root, (line) => begun.push(line))
  migrated.catch(() => {})
  try {
    // Until it failed once. What was done before it stays done.
    await until(() => begun.filter((line) => line.includes('900001-held.sql')).length === 2)
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  expect((await migrated).map(({ realFilename }) => realFilename)).toEqual(['900000-first.sql', '900001-held.sql'])
  expect(begun.filter((line) => line.includes('900000-first.sql'))).toHaveLength(1)
  await expect(database.owner.query('select x from yard.held')).resolves.toMatchObject({ rows: [] })
})

test('what fails by itself fails at once', async () => {
  await commit('900000-wrong.sql', 'select 1 / 0;')
  const begun: string[] = []
  await expect(migrate(database.urls.owner, root, (line) => begun.push(line))).rejects.toMatchObject({ code: '22012' })
  expect(begun.filter((line) => line.includes('900000-wrong.sql'))).toHaveLength(1)
})
