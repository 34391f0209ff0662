import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import pg from 'pg'
import { makeDataDir } from '../config.ts'
import { withClient } from '../db/withClient.ts'
import { prepareDatabase, roleUrls, withDatabase, type DatabaseUrls } from '../deploy/database.ts'
import { startEmbedded, type Cluster } from '../deploy/embedded.ts'
import { errorCode } from '../errorCode.ts'
import { childOptions, place, programs, serverUser } from '../deploy/serverFiles.ts'
import { throwAwayFolder, throwAwayFolders } from './throwAwayFolder.ts'
import { keepTemplate, takeTemplate, templateChecksum } from './templateFiles.ts'

/** A crash of the machine may lose a database of tests and checks: what durability costs is not paid there. */
export const CARELESS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  autovacuum: 'off',
  wal_recycle: 'off',
  max_wal_size: '512MB',
} as const

/** Homes of throw-away clusters with the process that made them. */
const HOME = /^freehold-throwaway-(\d+)-/
const ABANDONED_MS = 600_000

/** A cluster to be thrown away, with one database that is built and that nobody connects to. */
export interface TemplateCluster {
  /** Superuser's URL of database `postgres`. */
  readonly url: string
  /** What role passwords are derived from. */
  readonly secret: string
  /** Migrated and applied; cloned by {@link cloneTemplate}. */
  readonly template: string
  /** A process with this DATA_DIR joins the server. */
  readonly dataDir: string
  /** False when the template was there from an earlier run. */
  readonly isBuilt: boolean
  stop(): Promise<void>
}

/** The name of the template in any server that has one: it says what it was built from. */
export const templateName = (checksum: string): string => `freehold_template_${checksum.slice(0, 16)}`

/**
 * Starts a cluster of its own, to be thrown away. Its template is a copy of the one that an earlier run left (about 0.1 s),
 * or is built (some seconds) and left for the next run. `settings` are the server's own.
 */
export async function startTemplateCluster(settings: Readonly<Record<string, string>> = {}): Promise<TemplateCluster> {
  await stopAbandoned()
  const checksum = await templateChecksum()
  const template = templateName(checksum)
  const dataDir = mkdtempSync(join(throwAwayFolder(), `freehold-throwaway-${process.pid}-`))
  makeDataDir(dataDir)
  const home = join(dataDir, 'postgres')
  let cluster: Cluster | undefined
  let directory: string | undefined
  const stop = async () => {
    await cluster?.stop({ force: true })
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    rmSync(dataDir, { recursive: true, force: true })
  }
  const start = () => startEmbedded({ home, settings: { ...CARELESS, ...settings } })
  try {
    const user = serverUser()
    directory = place(home, user)
    const data = join(directory, 'data')
    const isTaken = await takeTemplate(checksum, data, user)
    cluster = await start()
    if (!isTaken) {
      await build(cluster, template)
      await cluster.stop({ force: true })
      await keepTemplate(checksum, data)
      cluster = await start()
    }
    return { url: cluster.url('postgres'), secret: cluster.password, template, dataDir, isBuilt: !isTaken, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function build(cluster: Cluster, template: string): Promise<void> {
  const secret = cluster.password
  await prepareDatabase({ urls: roleUrls(cluster.url(template), secret), secret, mayCreate: true })
  await withClient(cluster.url('postgres'), (client) =>
    client.query(`alter database ${template} with is_template true allow_connections false`),
  )
}

/** Creates database `name` with all that the template has; about 15 ms. */
export async function cloneTemplate(
  { url, secret, template }: Pick<TemplateCluster, 'url' | 'secret' | 'template'>,
  name: string,
): Promise<DatabaseUrls & { readonly superuser: string }> {
  const database = pg.escapeIdentifier(name)
  const statements = [
    `create database ${database} template ${pg.escapeIdentifier(template)} strategy file_copy owner freehold_owner`,
    // Grants and settings of a database are not cloned with it: the same ones as in sql/bootstrap/roles.sql.
    `revoke all on database ${database} from public`,
    `grant connect on database ${database} to freehold_authenticator, freehold_worker`,
    `alter database ${database} set timezone to 'UTC'`,
  ]
  await withClient(withDatabase(url, 'postgres'), async (client) => {
    for (const statement of statements) await client.query(statement)
  })
  return roleUrls(withDatabase(url, name), secret)
}

/** Servers outlive a killed run, since they are detached: the next run stops them and removes their files. */
async function stopAbandoned(): Promise<void> {
  const paths = throwAwayFolders().flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  for (const top of paths) {
    const pid = Number(HOME.exec(basename(top))?.[1] ?? 0)
    const changedAt = pid === 0 ? undefined : statSync(top, { throwIfNoEntry: false })?.mtimeMs
    if (changedAt === undefined || changedAt > Date.now() - ABANDONED_MS || isAlive(pid)) continue
    const user = serverUser()
    // The one who swept first may have taken it away meanwhile, or the server have ended.
    const data = join(top, 'postgres/data')
    try {
      const stopping = ['stop', '-D', data, '-m', 'immediate', '-t', '10', '-s']
      execFileSync(join(await programs(user), 'pg_ctl'), stopping, { ...childOptions(user), stdio: 'ignore' })
    } catch {
      // Nothing runs there.
    }
    rmSync(top, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
