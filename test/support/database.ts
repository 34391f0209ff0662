import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { Keyring } from '../../src/config.ts'
import type { DatabaseUrls } from '../../src/deploy/database.ts'
import { createPool } from '../../src/db/pools.ts'
import { withClient } from '../../src/db/withClient.ts'
import { cloneTemplate, startTemplateCluster, type TemplateCluster } from '../../src/dev/templateCluster.ts'
import { makePasswordsCheap } from './cheapPasswords.ts'

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
 * `isAlone`: in a cluster of its own, about 0.3 s, for what another file's open transaction would hold back; `settings` are its server's.
 * `hasTruePasswords`: at the cost they have in production, 65 ms each.
 */
export async function testDatabase({
  isAlone = false,
  hasTruePasswords = false,
  settings = {},
}: {
  isAlone?: boolean
  hasTruePasswords?: boolean
  settings?: Readonly<Record<string, string>>
} = {}): Promise<TestDatabase> {
  const own = isAlone ? await startTemplateCluster(settings) : undefined
  const cluster = own ?? testCluster()
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`
  const urls = await cloneTemplate(cluster, name)
  const pool = (role: keyof typeof urls) =>
    createPool(urls[role], { name: `freehold-test-${role}`, size: 8, keyring: TEST_KEYRING })
  const pools = {
    superuser: pool('superuser'),
    owner: pool('owner'),
    authenticator: pool('authenticator'),
    worker: pool('worker'),
  }
  // Theirs are the hands that tests put into the database directly.
  for (const each of [pools.superuser, pools.owner]) holdKeys(each, TEST_KEYRING)
  if (!hasTruePasswords) await makePasswordsCheap(pools.superuser)
  return {
    name,
    urls,
    ...pools,
    async close() {
      await Promise.all(Object.values(pools).map((each) => each.end()))
      await (own?.stop() ??
        withClient(cluster.url, (client) => client.query(`drop database if exists ${name} with (force)`)))
    },
  }
}

/** Lets every connection of a pool hold a ring for good, which none does outside of tests. */
export function holdKeys(pool: pg.Pool, ring: Keyring): void {
  const setting = `select set_config('app.keyring', app_private.wrap_keyring($1), false)`
  Object.assign(pool.options, {
    onConnect: (client: pg.ClientBase) => client.query(setting, [JSON.stringify(ring)]),
  })
}

/** The cluster that globalSetup started. */
export function testCluster(): Pick<TemplateCluster, 'url' | 'secret' | 'template'> {
  const { FREEHOLD_TEST_URL: url, FREEHOLD_TEST_SECRET: secret, FREEHOLD_TEST_TEMPLATE: template } = process.env
  if (url === undefined || secret === undefined || template === undefined)
    throw new Error('No test cluster: run tests by `npm test`.')
  return { url, secret, template }
}
