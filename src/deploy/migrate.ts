import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import JSON5 from 'json5'
import type { Settings } from 'graphile-migrate'
import pg from 'pg'
import { ConfigurationError } from '../config.ts'
import { untilFree } from './untilFree.ts'

/** A file of migrations/committed as graphile-migrate knows it. */
export interface Migration {
  /** Its number, the name in graphile_migrate.migrations: `000001.sql`. */
  readonly filename: string
  /** Its name on disk: `000001-identity.sql`. */
  readonly realFilename: string
  readonly hash: string
  /** False when the text no longer gives the hash in its head, and the head does not allow that. */
  readonly isIntact: boolean
}

/** Migrations by standing. `pending` is in order. */
export interface MigrationStatus {
  readonly applied: readonly Migration[]
  readonly pending: readonly Migration[]
}

/** History was changed after the fact; each line names a file and what to do. */
export class TamperedHistoryError extends Error {
  override readonly name = 'TamperedHistoryError'
}

export const migrationsFolder = (root: string) => join(root, 'migrations')

/** Reads the committed migrations in order. */
export async function readMigrations(root: string): Promise<Migration[]> {
  const folder = join(migrationsFolder(root), 'committed')
  const names = await readdir(folder).catch(() => [])
  const files = names.filter((name) => /^\d+(-[-\w]*)?\.sql$/.test(name)).sort()
  return await Promise.all(files.map(async (name) => parseMigration(name, await readFile(join(folder, name), 'utf8'))))
}

/** The file format and the hash are graphile-migrate's (src/migration.ts, src/hash.ts of its 1.4): header lines, a blank line, the body. */
function parseMigration(realFilename: string, text: string): Migration {
  const lines = text.split('\n')
  const length = lines.findIndex((line) => !/^--! [A-Z]\w*(:.*)?$/.test(line))
  const headers = new Map(
    lines.slice(0, length).map((line) => {
      const [, key = '', value = ''] = /^--! (\w+)(?::(.*))?$/.exec(line) ?? []
      return [key, value.trim()]
    }),
  )
  const previous = headers.get('Previous') ?? '-'
  const body = lines.slice(length).join('\n').trim()
  const digest = createHash('sha1')
    .update(`${`${previous === '-' ? '' : previous}\n${body}`.trim()}\n`)
    .digest('hex')
  const hash = headers.get('Hash') ?? ''
  return {
    realFilename,
    filename: `${/^\d+/.exec(realFilename)?.[0] ?? ''}.sql`,
    hash,
    isIntact: hash === `sha1:${digest}` || headers.has('AllowInvalidHash'),
  }
}

/**
 * Compares the files with what a database says it ran.
 * graphile-migrate looks only at files it has not run yet, so an edited, missing or exchanged old one would pass.
 * @param ran file number (`000001.sql`) to hash.
 * @throws TamperedHistoryError
 */
export function compareHistory(files: readonly Migration[], ran: ReadonlyMap<string, string>): MigrationStatus {
  const known = new Map(files.map((file) => [file.filename, file]))
  const faults = files
    .filter((file) => !file.isIntact)
    .map((file) => `${file.realFilename} was edited after it was committed: restore it from version control.`)
  for (const [filename, hash] of ran) {
    const file = known.get(filename)
    if (!file)
      faults.push(
        `${filename} ran on this database, but its file is missing: this checkout is older than the database.`,
      )
    else if (file.hash !== hash)
      faults.push(`${file.realFilename} is not the migration that ran on this database under that number (${hash}).`)
  }
  const pending = files.filter((file) => !ran.has(file.filename))
  const last = [...ran.keys()].sort().at(-1) ?? ''
  for (const file of pending.filter((each) => each.filename < last)) {
    faults.push(`${file.realFilename} never ran, but a later migration did: uncommit it and commit it again.`)
  }
  if (faults.length > 0) throw new TamperedHistoryError(faults.join('\n'))
  return { applied: files.filter((file) => ran.has(file.filename)), pending }
}

/** What the database says it ran; empty before the first migration. */
export async function readHistory(client: pg.ClientBase): Promise<Map<string, string>> {
  const {
    rows: [found],
  } = await client.query<{ found: boolean }>(`select to_regclass('graphile_migrate.migrations') is not null as found`)
  if (!found?.found) return new Map()
  const { rows } = await client.query<{ filename: string; hash: string }>(
    'select filename, hash from graphile_migrate.migrations',
  )
  return new Map(rows.map((row) => [row.filename, row.hash]))
}

/** Runs pending migrations as freehold_owner. The caller holds the deploy lock; graphile-migrate's own only tries, and fails. */
export async function migrate(
  ownerUrl: string,
  root: string,
  log: (line: string) => void = () => {},
): Promise<Migration[]> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  let status: MigrationStatus
  try {
    status = compareHistory(await readMigrations(root), await readHistory(client))
  } finally {
    await client.end()
  }
  if (status.pending.length === 0) return []

  const graphileMigrate = await import('graphile-migrate')
  const settings = await migrateSettings(root, { connectionString: ownerUrl }, log)
  try {
    // Each is a transaction of its own, and what is done is not done again.
    await untilFree(() => untilLocked(() => graphileMigrate.migrate(settings)))
  } finally {
    await closeMigratePools()
  }
  return [...status.pending]
}

/**
 * graphile-migrate only tries its lock. Whoever died in the middle of a migration may hold it still, until the server has ended what they
 * began: a minute is waited for that.
 */
async function untilLocked<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 60_000; ;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error && error.message === 'Failed to get exclusive lock')) throw error
      if (Date.now() > deadline) {
        throw new ConfigurationError([
          'Another process migrates this database and does not end: find it in pg_stat_activity.',
        ])
      }
      await sleep(500)
    }
  }
}

/** The settings of .gmrc with a connection and a quiet logger; its command line reads the same file. */
export async function migrateSettings(
  root: string,
  connections: Pick<Settings, 'connectionString' | 'shadowConnectionString' | 'rootConnectionString'>,
  log: (line: string) => void,
): Promise<Settings> {
  const { Logger } = await import('graphile-migrate')
  const file: Settings = JSON5.parse(await readFile(join(root, '.gmrc'), 'utf8'))
  return {
    ...file,
    rootConnectionString: 'template1',
    ...connections,
    migrationsFolder: migrationsFolder(root),
    logger: new Logger(() => (level, message) => {
      if (level !== 'debug') log(message)
    }),
  }
}

/** graphile-migrate keeps its pools for 200 ms after use, which would hold back `drop database` and the end of a command. */
export async function closeMigratePools(): Promise<void> {
  const { clearAllPools } = await import('graphile-migrate/dist/pgReal.js')
  clearAllPools()
}
