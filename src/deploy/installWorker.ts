import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

/** The installed graphile-worker's version, which says what its tables look like. */
export async function workerVersion(): Promise<string> {
  const main = fileURLToPath(import.meta.resolve('graphile-worker'))
  const { version } = JSON.parse(await readFile(join(dirname(main), '../package.json'), 'utf8')) as { version: string }
  return version
}

/**
 * Runs graphile-worker's own migrations as freehold_worker, who then owns schema graphile_worker.
 * Creating a schema needs CREATE on the database: given for that moment only.
 * @param admin a superuser or the database's owner, connected to the database.
 */
export async function installWorker(admin: pg.ClientBase, workerUrl: string): Promise<void> {
  const { Logger, runMigrations } = await import('graphile-worker')
  const {
    rows: [row],
  } = await admin.query<{ database: string }>('select current_database() as database')
  const database = pg.escapeIdentifier(row?.database ?? '')
  await admin.query(`grant create on database ${database} to freehold_worker`)
  try {
    await runMigrations({ connectionString: workerUrl, logger: new Logger(() => () => {}) })
  } finally {
    await admin.query(`revoke create on database ${database} from freehold_worker`)
  }
}
