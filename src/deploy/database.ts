import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { ConfigurationError, type Config } from '../config.ts'
import { errorCode } from '../errorCode.ts'
import { apply, readAppliedSources, recordInstalled, type Applied } from './apply.ts'
import { bootstrap, createDatabase, findMissingRoles, LOGIN_ROLES, ROLES_FILE, rolePassword } from './bootstrap.ts'
import { describeDrift, findDrift } from './drift.ts'
import { startEmbedded } from './embedded.ts'
import { installWorker, workerVersion } from './installWorker.ts'
import { locks } from './locks.ts'
import { compareHistory, migrate, readHistory, readMigrations } from './migrate.ts'
import { explainConnectError, explainServer, inspectServer } from './inspectServer.ts'
import { isNewer, readRelease, RELEASE } from './release.ts'
import { checksum, readSources } from './sources.ts'
import { withClient } from '../db/withClient.ts'

/** One URL a role. `superuser` is absent when all we were given is the roles. */
export interface DatabaseUrls {
  readonly owner: string
  readonly authenticator: string
  readonly worker: string
  readonly superuser?: string
}

/** A database that is migrated and applied. `close` stops the embedded server when nobody else uses it. */
export interface Database {
  readonly urls: DatabaseUrls
  close(): Promise<void>
}

/** A server that is reachable, its database perhaps not there yet. */
export interface Server {
  readonly urls: DatabaseUrls
  /** What role passwords are derived from; undefined when the role URLs were given. */
  readonly secret: string | undefined
  /** Whether a missing database is created. A real server's is its administrator's to make. */
  readonly mayCreate: boolean
  /** True when this call started the embedded server. */
  readonly hasStarted: boolean
  /** Stops the embedded server when nobody else uses it. */
  stop(): Promise<void>
  /** Leaves the embedded server as it was found: stops it when this call started it. */
  leave(): Promise<void>
}

/** What {@link prepareDatabase} did; empty lists when there was nothing to do. */
export interface Prepared extends Applied {
  readonly migrated: readonly string[]
}

/** Name of the embedded server's database. */
export const DATABASE_NAME = 'freehold'

/** The project's root: what migrations/, functions/, policies/ and sql/ are below. */
export const ROOT = resolve(import.meta.dirname, '../..')

export interface OpenOptions {
  readonly root?: string
  /** Told of every migration and the number of files applied. */
  readonly log?: (line: string) => void
  /** False leaves repeatable sources and checks for a later apply; default true. */
  readonly withSources?: boolean
}

/**
 * Starts or joins the server and brings its database up to this checkout: roles, migrations, graphile-worker, repeatable sources.
 * Several processes may do so at once. A database that is already there costs one look at what it records of itself.
 * @throws ConfigurationError for what the operator can mend; SourceError, BrokenLawError or TamperedHistoryError for the checkout.
 */
export async function openDatabase(config: Config, options: OpenOptions = {}): Promise<Database> {
  const server = await openServer(config)
  try {
    await prepareDatabase(server, options)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { urls: server.urls, close: server.stop }
}

/** Starts or joins the embedded server, or looks at the one of DATABASE_URL. Nothing in it is changed. */
export async function openServer(config: Config, settings?: Readonly<Record<string, string>>): Promise<Server> {
  return config.databaseUrl === undefined
    ? await openEmbedded(config.dataDir, settings)
    : await openExternal(config, config.databaseUrl)
}

async function openEmbedded(dataDir: string, settings?: Readonly<Record<string, string>>): Promise<Server> {
  const cluster = await startEmbedded({ home: join(dataDir, 'postgres'), ...(settings && { settings }) })
  const stop = async () => void (await cluster.stop())
  return {
    urls: roleUrls(cluster.url(DATABASE_NAME), cluster.password),
    // The superuser's password never leaves the data directory, and stays when the secret keys are rotated.
    secret: cluster.password,
    mayCreate: true,
    hasStarted: cluster.owner,
    stop,
    leave: cluster.owner ? stop : cluster.release,
  }
}

async function openExternal(config: Config, databaseUrl: string): Promise<Server> {
  const { urls, secret } = await externalUrls(config, databaseUrl)
  const nothing = async () => {}
  return { urls, secret, mayCreate: false, hasStarted: false, stop: nothing, leave: nothing }
}

/** Decides what DATABASE_URL is, and looks at every role URL that was given; all mistakes are told together. */
async function externalUrls(config: Config, databaseUrl: string): Promise<Pick<Server, 'urls' | 'secret'>> {
  const given = { owner: config.ownerUrl, authenticator: config.authenticatorUrl, worker: config.workerUrl }
  const names = {
    owner: 'DATABASE_OWNER_URL',
    authenticator: 'DATABASE_AUTHENTICATOR_URL',
    worker: 'DATABASE_WORKER_URL',
  } as const
  const base = await inspectServer('DATABASE_URL', databaseUrl)
  const mistakes = explainServer('DATABASE_URL', base)
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)

  const keys = ['owner', 'authenticator', 'worker'] as const
  const secret = base.isSuperuser ? config.secretKeys.keys[config.secretKeys.current] : undefined
  const derived = secret === undefined ? undefined : roleUrls(databaseUrl, secret)
  const candidate = {
    owner: given.owner ?? (base.user === LOGIN_ROLES.owner ? databaseUrl : derived?.owner),
    authenticator: given.authenticator ?? derived?.authenticator,
    worker: given.worker ?? derived?.worker,
  }
  if (!base.isSuperuser && candidate.owner === undefined) {
    throw new ConfigurationError([
      `DATABASE_URL logs in as ${base.user}, which is neither a superuser nor ${LOGIN_ROLES.owner}: give one of these.`,
    ])
  }
  for (const key of keys) {
    const url = given[key]
    if (candidate[key] === undefined) {
      mistakes.push(
        `${names[key]} is missing: ${base.user} cannot create roles. Have a superuser run ${ROLES_FILE} and set it.`,
      )
    } else if (url !== undefined) {
      const found = await inspectServer(names[key], url).catch((error: unknown) => error)
      if (found instanceof ConfigurationError) mistakes.push(...found.mistakes)
      else if (found instanceof Error) throw found
      else
        mistakes.push(
          ...explainServer(
            names[key],
            found as Awaited<ReturnType<typeof inspectServer>>,
            LOGIN_ROLES[key],
            base.database,
          ),
        )
    }
  }
  if (mistakes.length > 0 || !candidate.owner || !candidate.authenticator || !candidate.worker)
    throw new ConfigurationError(mistakes)
  const urls = { owner: candidate.owner, authenticator: candidate.authenticator, worker: candidate.worker }
  // Roles that came with URLs have passwords of their own, which a bootstrap would change.
  const mayBootstrap = secret !== undefined && keys.every((key) => given[key] === undefined)
  return {
    urls: base.isSuperuser ? { ...urls, superuser: databaseUrl } : urls,
    secret: mayBootstrap ? secret : undefined,
  }
}

/** The URLs of the three login roles and the superuser in the database of `superuser`. */
export function roleUrls(superuser: string, secret: string): DatabaseUrls & { readonly superuser: string } {
  const as = (role: string) => {
    const url = new URL(superuser)
    url.username = role
    url.password = rolePassword(secret, role)
    return url.href
  }
  return {
    owner: as(LOGIN_ROLES.owner),
    authenticator: as(LOGIN_ROLES.authenticator),
    worker: as(LOGIN_ROLES.worker),
    superuser,
  }
}

/** The same server and login, another database. */
export function withDatabase(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(name)}`
  return other.href
}

/** Brings the database of `server` up to the checkout, one process at a time. */
export async function prepareDatabase(
  server: Pick<Server, 'urls' | 'secret' | 'mayCreate'>,
  options: OpenOptions = {},
): Promise<Prepared> {
  const root = options.root ?? ROOT
  const log = options.log ?? (() => {})
  const nothing = { migrated: [], applied: [], removed: [], dropped: [], strays: [] }
  const wanted = await readWanted(root)
  const { superuser } = server.urls
  const mayMend = superuser !== undefined && server.secret !== undefined
  /** What is not as it was made is put right where we may, and told of where we may not. */
  const hasDrifted = async () => {
    const drift = await withClient(server.urls.owner, (client) => findDrift(client, server.urls))
    for (const each of drift)
      log(`${describeDrift(each)}; ${mayMend ? 'put right' : `a superuser has to run ${ROLES_FILE}`}.`)
    return drift.length > 0
  }
  const isDone = async () => (await isCurrent(server.urls.owner, wanted, log)) && !((await hasDrifted()) && mayMend)
  if (await isDone()) return nothing

  if (server.mayCreate && superuser) await createDatabase(withDatabase(superuser, 'postgres'), databaseOf(superuser))
  const admin = new pg.Client({
    connectionString: superuser ?? server.urls.owner,
    application_name: `freehold-deploy ${process.pid}`,
  })
  await admin.connect()
  try {
    await admin.query('select pg_advisory_lock($1)', [locks.deploy])
    if (await isDone()) return nothing
    if (superuser && server.secret !== undefined) await bootstrap(admin, join(root, ROLES_FILE), server.secret)
    const missing = await findMissingRoles(admin, join(root, ROLES_FILE))
    // Half of the migrations done would leave a database that neither release starts on.
    if (missing.length > 0) {
      throw new ConfigurationError([
        `The server lacks ${missing.join(', ')}; nothing was changed: a superuser has to run ${ROLES_FILE} first, whose head says how.`,
      ])
    }
    const migrated = await migrate(server.urls.owner, root, log)
    await installWorker(admin, server.urls.worker)
    const names = migrated.map((migration) => migration.realFilename)
    if (options.withSources === false) return { ...nothing, migrated: names }
    const applied = await apply(server.urls.owner, root, { hasMigrated: migrated.length > 0 })
    await record(server.urls.owner, wanted)
    if (applied.applied.length > 0) log(`Applied ${applied.applied.length} repeatable files.`)
    for (const path of applied.removed) log(`${path} is gone.`)
    for (const object of applied.dropped) log(`Dropped ${object}, which no file makes any more.`)
    if (!mayMend) await hasDrifted()
    for (const line of applied.strays) log(`No file made ${line}; it stays.`)
    return { migrated: names, ...applied }
  } finally {
    // Ends the session, and with it the lock.
    await admin.end()
  }
}

export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1))
}

/** What its records hold when this checkout is installed. */
interface Wanted {
  readonly migrations: Awaited<ReturnType<typeof readMigrations>>
  readonly sources: ReadonlyMap<string, string>
  /** Rows of applied_sources that are not repeatable sources. */
  readonly installed: Readonly<Record<string, string>>
  /** As apply writes it down. */
  readonly release: string | undefined
}

async function readWanted(root: string): Promise<Wanted> {
  const [migrations, sources, roles, version, release] = await Promise.all([
    readMigrations(root),
    readSources(root),
    readFile(join(root, ROLES_FILE), 'utf8'),
    workerVersion(),
    readRelease(root),
  ])
  return {
    migrations,
    sources: new Map(sources.map((source) => [source.path, source.checksum])),
    installed: { [ROLES_FILE]: checksum(roles), 'graphile-worker': version },
    release,
  }
}

/**
 * Whether nothing is to be done, also because a newer release has done it. A database or role that is not there yet, or a password that changed, means there is.
 * @throws TamperedHistoryError
 */
async function isCurrent(ownerUrl: string, wanted: Wanted, log: (line: string) => void): Promise<boolean> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    const recorded = await readAppliedSources(client)
    const { pending } = compareHistory(wanted.migrations, await readHistory(client))
    if (recorded === undefined || pending.length > 0) return false
    const theirs = recorded.get(RELEASE)
    if (isNewer(theirs, wanted.release)) {
      log(`Release ${theirs} applied its sources to this database; those of ${wanted.release} stay out.`)
      return true
    }
    const expected = new Map([...wanted.sources, ...Object.entries(wanted.installed)])
    if (wanted.release !== undefined) expected.set(RELEASE, wanted.release)
    return recorded.size === expected.size && [...expected].every(([path, sum]) => recorded.get(path) === sum)
  } catch (error) {
    // No such database; no such role, or another password; no right to connect yet.
    if (['3D000', '28P01', '28000', '42501'].includes(errorCode(error) ?? '')) return false
    throw explainConnectError('The database', ownerUrl, error) ?? error
  } finally {
    await client.end().catch(() => {})
  }
}

async function record(ownerUrl: string, wanted: Wanted): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    await recordInstalled(client, wanted.installed)
  } finally {
    await client.end()
  }
}
