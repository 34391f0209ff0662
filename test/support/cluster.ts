import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ROOT, prepareDatabase, roleUrls } from '../../src/deploy/database.ts'
import { startEmbedded, type Cluster } from '../../src/deploy/embedded.ts'

/** Migrated and applied once a run; nobody connects to it, files clone it. */
export const TEMPLATE = 'freehold_template'

/** A crash of the machine may lose a test's database: what durability costs is not paid here. */
export const CARELESS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  autovacuum: 'off',
} as const

/** The cluster of one test run. */
export interface TestCluster {
  /** Superuser's URL of database `postgres`. */
  readonly url: string
  /** What role passwords are derived from. */
  readonly secret: string
  stop(): Promise<void>
}

/**
 * Starts a cluster of its own in the temporary directory and builds the template.
 * @param root where the SQL lies; a test of the runner gives its own.
 */
export async function startTestCluster(root = ROOT): Promise<TestCluster> {
  const home = mkdtempSync(join(tmpdir(), 'freehold-test-'))
  let cluster: Cluster | undefined
  const stop = async () => {
    await cluster?.stop({ force: true })
    rmSync(home, { recursive: true, force: true })
  }
  try {
    cluster = await startEmbedded({ home, settings: CARELESS })
    const secret = cluster.password
    await prepareDatabase({ urls: roleUrls(cluster.url(TEMPLATE), secret), secret, mayCreate: true }, { root })
    const client = new pg.Client({ connectionString: cluster.url('postgres') })
    await client.connect()
    await client.query(`alter database ${TEMPLATE} with is_template true allow_connections false`)
    await client.end()
    return { url: cluster.url('postgres'), secret, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
