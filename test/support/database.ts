import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Keyring } from '../../src/config.ts'
import { roleUrls, withDatabase, type DatabaseUrls } from '../../src/deploy/database.ts'
import { createPool } from '../../src/db/pools.ts'
import { startTestCluster, TEMPLATE } from './cluster.ts'

/** A database of a test file's own: everything migrated and applied, no rows but what migrations put there. */
export interface TestDatabase {
  readonly name: string
  readonly urls: DatabaseUrls & { readonly superuser: string }
  readonly superuser: pg.Pool
  readonly owner: pg.Pool
  readonly authenticator: pg.Pool
  readonly worker: pg.Pool
  /** Ends the pools and drops the database, whoever is still connected. */
  close(): Promise<void>
}

/** The key ring of every test connection. */
export const TEST_KEYRING: Keyring = { current: 'k1', keys: { k1: Buffer.alloc(32, 7).toString('base64') } }

/**
 * Clones the template of this run; about 15 ms. Call it in beforeAll, and `close` in afterAll.
 * `isAlone`: in a cluster of its own, some seconds, for what another file's open transaction would hold back.
 */
export async function testDatabase({ isAlone = false } = {}): Promise<TestDatabase> {
  const own = isAlone ? await startTestCluster() : undefined
  const { url, secret } = own ?? testCluster()
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`
  await asSuperuser(
    url,
    `create database ${name} template ${TEMPLATE} strategy file_copy owner freehold_owner`,
    // Grants and settings of a database are not cloned with it: the same ones as in sql/bootstrap/roles.sql.
    `revoke all on database ${name} from public`,
    `grant connect on database ${name} to freehold_authenticator, freehold_worker`,
    `alter database ${name} set timezone to 'UTC'`,
  )
  const urls = roleUrls(withDatabase(url, name), secret)
  const pool = (role: keyof typeof urls) =>
    createPool(urls[role], { name: `freehold-test-${role}`, size: 8, keyring: TEST_KEYRING })
  const pools = {
    superuser: pool('superuser'),
    owner: pool('owner'),
    authenticator: pool('authenticator'),
    worker: pool('worker'),
  }
  return {
    name,
    urls,
    ...pools,
    async close() {
      await Promise.all(Object.values(pools).map((each) => each.end()))
      await (own?.stop() ?? asSuperuser(url, `drop database if exists ${name} with (force)`))
    },
  }
}

/** The cluster that globalSetup started. */
export function testCluster(): { readonly url: string; readonly secret: string } {
  const { FREEHOLD_TEST_URL: url, FREEHOLD_TEST_SECRET: secret } = process.env
  if (url === undefined || secret === undefined) throw new Error('No test cluster: run tests by `npm test`.')
  return { url, secret }
}

async function asSuperuser(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
