import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ConfigurationError, loadConfig } from '../config.ts'
import { withClient } from '../db/withClient.ts'
import {
  openServer,
  prepareDatabase,
  ROOT,
  roleUrls,
  withDatabase,
  type DatabaseUrls,
  type Server,
} from '../deploy/database.ts'

/** Builds an empty database up to this checkout beside the real one, and drops it when `fn` is done. */
export async function withScratch<T>(server: Server, fn: (urls: DatabaseUrls) => Promise<T>, root = ROOT): Promise<T> {
  const {
    urls: { superuser },
    secret,
  } = server
  if (superuser === undefined || secret === undefined) {
    throw new ConfigurationError([
      'This command builds databases of its own: let DATABASE_URL be a superuser, without role URLs, or use the embedded PostgreSQL.',
    ])
  }
  const name = `freehold_scratch_${process.pid}_${randomBytes(3).toString('hex')}`
  const urls = roleUrls(withDatabase(superuser, name), secret)
  try {
    await prepareDatabase({ urls, secret, mayCreate: true }, { root })
    return await fn(urls)
  } finally {
    await withClient(withDatabase(superuser, 'postgres'), (client) =>
      client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
    )
  }
}

/** Lends `use` a server of its own in the temporary directory, and throws it away. */
export async function withScratchServer<T>(use: (server: Server) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'freehold-scratch-'))
  try {
    const server = await openServer(loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' }))
    try {
      return await use(server)
    } finally {
      await server.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}
