import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { loadConfig, type Config } from '../src/config.ts'
import { DATABASE_NAME, openDatabase, roleUrls, withDatabase, type DatabaseUrls } from '../src/deploy/database.ts'

export type BenchUrls = DatabaseUrls & { readonly superuser: string }

/** What a row has to work with. */
export interface Bench {
  readonly config: Config
  /** Whether the temporary directory may fill with CPU profiles of the servers; the directory, or undefined. */
  readonly profileDir: string | undefined
  /** Tells the person who waits. */
  log(line: string): void
  /** A database of the row's own: everything migrated and applied, no rows but what migrations put there. */
  database(): Promise<BenchUrls>
  /** Registers what is to be closed when the row is done, in reverse order. */
  onClose(close: () => unknown): void
}

export interface BenchServer {
  /** Runs `use` with a bench whose things are closed afterwards. */
  use<T>(use: (bench: Bench) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A PostgreSQL of the bench's own in a temporary directory, with the settings that `npm start` uses. `root`: where the SQL lies, when not here. */
export async function openBench(options: {
  log: (line: string) => void
  profileDir?: string | undefined
  root?: string | undefined
}): Promise<BenchServer> {
  const home = mkdtempSync(join(tmpdir(), 'freehold-bench-'))
  // As root the server runs as another user, who must get to its files.
  chmodSync(home, 0o711)
  const config = loadConfig({ DATA_DIR: join(home, 'data'), PORT: '0', LOG_LEVEL: 'info' })
  const database = await openDatabase(config, options.root === undefined ? {} : { root: options.root }).catch(
    (error: unknown) => {
      rmSync(home, { recursive: true, force: true })
      throw error
    },
  )
  const { superuser } = database.urls
  if (superuser === undefined) throw new Error('The bench needs the embedded server')
  let clones = 0

  const asSuperuser = async (...statements: string[]) => {
    const client = new pg.Client({ connectionString: withDatabase(superuser, 'postgres') })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }

  return {
    async use(use) {
      const closers: (() => unknown)[] = []
      const bench: Bench = {
        config,
        log: options.log,
        profileDir: options.profileDir,
        onClose: (close) => void closers.push(close),
        async database() {
          const name = `bench_${++clones}`
          await asSuperuser(
            `create database ${name} template ${DATABASE_NAME} strategy file_copy owner freehold_owner`,
            `grant connect on database ${name} to freehold_authenticator, freehold_worker`,
            `alter database ${name} set timezone to 'UTC'`,
          )
          closers.push(() => asSuperuser(`drop database if exists ${name} with (force)`))
          const url = withDatabase(superuser, name)
          const own = roleUrls(url, decodeURIComponent(new URL(superuser).password))
          return { ...own, superuser: url }
        },
      }
      try {
        return await use(bench)
      } finally {
        for (const close of closers.reverse()) await close()
      }
    },
    async close() {
      await database.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
