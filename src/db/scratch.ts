import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { ConfigurationError } from '../config.ts'
import { prepareDatabase, ROOT, roleUrls, withDatabase, type DatabaseUrls, type Server } from './database.ts'

/** Builds an empty database up to this checkout beside the real one, and drops it when `fn` is done. */
export async function withScratch<T>(server: Server, fn: (urls: DatabaseUrls) => Promise<T>, root = ROOT): Promise<T> {
  const { urls: { superuser }, secret } = server
  if (superuser === undefined || secret === undefined) {
    throw new ConfigurationError(['This command builds databases of its own: let DATABASE_URL be a superuser, without role URLs, or use the embedded PostgreSQL.'])
  }
  const name = `freehold_scratch_${process.pid}_${randomBytes(3).toString('hex')}`
  const urls = roleUrls(withDatabase(superuser, name), secret)
  try {
    await prepareDatabase({ urls, secret, mayCreate: true }, { root })
    return await fn(urls)
  } finally {
    await withClient(withDatabase(superuser, 'postgres'), (client) =>
      client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`))
  }
}

/** A session for `fn`, ended after it. */
export async function withClient<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await fn(client)
  } finally {
    await client.end()
  }
}
