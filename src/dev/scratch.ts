import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { ConfigurationError, loadConfig } from '../config.ts'
import { withClient } from '../db/withClient.ts'
import {
  openServer,
  prepareDatabase,
  roleUrls,
  withDatabase,
  type DatabaseUrls,
  type Server,
} from '../deploy/database.ts'
import { cloneTemplate, startTemplateCluster, templateName } from './templateCluster.ts'
import { templateChecksum } from './templateFiles.ts'

/**
 * Lends `fn` a database that is built up to this checkout, and drops it: a clone when the server has the template of this checkout,
 * as throw-away servers do. `fromEmpty` builds it whatever there is.
 */
export async function withScratch<T>(
  server: Server,
  fn: (urls: DatabaseUrls) => Promise<T>,
  { fromEmpty = false } = {},
): Promise<T> {
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
  const url = withDatabase(superuser, 'postgres')
  const template = fromEmpty ? undefined : await findTemplate(url)
  try {
    if (template !== undefined) return await fn(await cloneTemplate({ url, secret, template }, name))
    const urls = roleUrls(withDatabase(superuser, name), secret)
    await prepareDatabase({ urls, secret, mayCreate: true })
    return await fn(urls)
  } finally {
    await withClient(url, (client) => client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`))
  }
}

/** The template of this checkout, when the server has it. */
async function findTemplate(url: string): Promise<string | undefined> {
  const name = templateName(await templateChecksum())
  const { rowCount } = await withClient(url, (client) =>
    client.query('select from pg_database where datname = $1 and datistemplate', [name]),
  )
  return rowCount === 1 ? name : undefined
}

/**
 * Lends `use` a server with a template, and throws it away.
 * @param joined data directory of such a server that already runs, which stays.
 */
export async function withScratchServer<T>(use: (server: Server) => Promise<T>, joined?: string): Promise<T> {
  const cluster = joined === undefined ? await startTemplateCluster() : undefined
  try {
    const server = await openServer(loadConfig({ DATA_DIR: joined ?? cluster?.dataDir, LOG_LEVEL: 'warn' }))
    try {
      return await use(server)
    } finally {
      await server.leave()
    }
  } finally {
    await cluster?.stop()
  }
}
