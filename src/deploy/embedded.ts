import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { ConfigurationError } from '../config.ts'
import { errorCode } from '../errorCode.ts'
import { locks } from './locks.ts'
import { childOptions, place, programs, serverUser, type ServerUser } from './serverFiles.ts'

/** What {@link startEmbedded} needs: `home` is created; `settings` override the server's; a fixed `port` is seldom needed. */
export interface EmbeddedOptions {
  readonly home: string
  readonly settings?: Readonly<Record<string, string>>
  readonly port?: number
  /** How long to wait for a ready server, crash recovery included; default 30 000 ms. */
  readonly waitMs?: number
}

/** A running embedded server, used together with any other process of the same home. */
export interface Cluster {
  readonly host: string
  readonly port: number
  /** Superuser. */
  readonly user: string
  readonly password: string
  /** Process id of the postmaster. */
  readonly pid: number
  /** Directory of the cluster's files. */
  readonly data: string
  /** True when this call started the server, false when it found it running. */
  readonly owner: boolean
  /** Superuser's URL of one database. */
  url(database: string): string
  /** Stops using the server, and leaves it running. */
  release(): Promise<void>
  /** Stops using the server, and stops it unless another process uses it. `force` stops it whoever does. Never hangs. */
  stop(options?: { force?: boolean }): Promise<'stopped' | 'in use'>
}

const HOST = '127.0.0.1'
const SUPERUSER = 'postgres'
const PASSWORD_FILE = 'freehold_password'
/** What passes by itself: another starter was first, killed predecessors still hold memory, a port was taken just now. */
const IN_THE_WAY = /lock file|shared memory|could not bind|already in use/
const LOG_BYTES = 10 * 1024 * 1024

/** Suits a small control plane that shares its machine; connections come from loopback with a password only. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  max_wal_size: '2GB',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // As-of reads follow it.
  track_commit_timestamp: 'on',
  log_line_prefix: '%m [%p] %a ',
  shared_preload_libraries: 'pg_stat_statements',
}

/**
 * Starts the PostgreSQL of `home`, or joins the one already running there; several processes may do so at once. The server is
 * detached: it outlives a killed parent and is adopted by the next call. The session held until `stop` or `release` is unreferenced,
 * so it keeps no process alive.
 * @throws ConfigurationError for what an operator can mend; Error with the server's last words otherwise.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Cluster> {
  const user = serverUser()
  const [bin, directory] = [await programs(user), place(options.home, user)]
  const data = join(directory, 'data')
  if (!existsSync(data)) initialise(bin, directory, data, user, options.settings?.fsync !== 'off')
  const password = readPassword(data)

  const deadline = Date.now() + (options.waitMs ?? 30_000)
  let started: Started | undefined
  let attempts = 0
  for (;;) {
    const running = readPostmaster(data)
    if (running?.status === 'ready' && isPostgres(running.pid)) {
      const lease = await takeLease(running.port, password, data)
      if (lease) {
        return makeCluster({
          bin,
          data,
          user,
          password,
          port: running.port,
          pid: running.pid,
          owner: started?.pid === running.pid,
          lease,
        })
      }
    }
    const isUp = running !== undefined && isPostgres(running.pid)
    if (!isUp && (started === undefined || started.exited)) {
      if (started) {
        const words = lastWords(directory, started.logStart)
        if (attempts > 8 || !IN_THE_WAY.test(words)) throw new Error(`PostgreSQL does not start:\n${words}`)
        await sleep(Math.min(25 * 2 ** attempts, 1000))
      }
      attempts++
      if (running) dropStaleLock(data, running.pid)
      started = launch(bin, directory, data, user, await choosePort(directory, options.port), options.settings)
    }
    if (Date.now() > deadline)
      throw new Error(
        `PostgreSQL is not ready after ${options.waitMs ?? 30_000} ms:\n${lastWords(directory, started?.logStart ?? 0)}`,
      )
    await sleep(15)
  }
}

/** Builds the cluster aside and renames it into place; of several at once, one wins and the others drop theirs. */
function initialise(bin: string, directory: string, data: string, user: ServerUser, isDurable: boolean): void {
  const aside = mkdtempSync(join(directory, 'init-'))
  const passwordFile = join(aside, 'password')
  const password = randomBytes(24).toString('base64url')
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 })
    own(aside, user)
    own(passwordFile, user)
    execFileSync(
      join(bin, 'initdb'),
      [
        '-D',
        join(aside, 'data'),
        '-U',
        SUPERUSER,
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--data-checksums',
        '--no-instructions',
        ...(isDurable ? [] : ['--no-sync']),
      ],
      { ...childOptions(user), stdio: ['ignore', 'ignore', 'pipe'] },
    )
    // The password travels with the data; owned by the server so that a base backup can read every file.
    writeFileSync(join(aside, 'data', PASSWORD_FILE), password, { mode: 0o600 })
    own(join(aside, 'data', PASSWORD_FILE), user)
    renameSync(join(aside, 'data'), data)
  } catch (cause) {
    if (!existsSync(data)) {
      const said =
        typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
      throw new Error(`PostgreSQL's initdb failed: ${said}`, { cause })
    }
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function own(path: string, user: ServerUser): void {
  if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid)
}

function readPassword(data: string): string {
  try {
    return readFileSync(join(data, PASSWORD_FILE), 'utf8')
  } catch (cause) {
    throw new ConfigurationError(
      [
        `The database in ${data} cannot be read (${errorCode(cause)}): start Freehold as the user that made it, or set DATA_DIR.`,
      ],
      { cause },
    )
  }
}

interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly status: string
}

/** The lines of postmaster.pid (PostgreSQL's pidfile.h): pid, data directory, start time, port, socket, address, key, status. */
function readPostmaster(data: string): Postmaster | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), port: Number(lines[3]), status: (lines[7] ?? '').trim() }
  } catch {
    return undefined
  }
}

/**
 * Whether a process is alive and a PostgreSQL. After a restart of the machine or container another program may have the pid;
 * a zombie still answers signals.
 */
function isPostgres(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false
  }
  if (process.platform !== 'linux') return true
  try {
    if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres')
  } catch {
    return false
  }
}

/** PostgreSQL itself overrides the lock file of a dead server, but not one whose pid now belongs to another program. */
function dropStaleLock(data: string, pid: number): void {
  if (readPostmaster(data)?.pid === pid && !isPostgres(pid)) rmSync(join(data, 'postmaster.pid'), { force: true })
}

interface Started {
  readonly pid: number | undefined
  readonly exited: boolean
  /** Size of the log before this start. */
  readonly logStart: number
}

function launch(
  bin: string,
  directory: string,
  data: string,
  user: ServerUser,
  port: number,
  settings: EmbeddedOptions['settings'],
): Started {
  const logFile = join(directory, 'server.log')
  if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES) renameSync(logFile, `${logFile}.1`)
  const logStart = existsSync(logFile) ? statSync(logFile).size : 0
  const log = openSync(logFile, 'a', 0o600)
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
    ...childOptions(user),
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const started = { pid: child.pid, exited: false, logStart }
  child.on('exit', () => (started.exited = true))
  child.on('error', () => (started.exited = true))
  child.unref()
  return started
}

/** The last port when it is free, so that a URL noted yesterday still works; otherwise any free one. */
async function choosePort(directory: string, fixed: number | undefined): Promise<number> {
  const file = join(directory, 'port')
  const last = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  const wanted = fixed ?? (Number.isInteger(last) && last > 0 && last < 65536 ? last : 0)
  const port = (await freePort(wanted)) ?? (fixed === undefined ? await freePort(0) : undefined)
  if (port === undefined)
    throw new ConfigurationError([
      `Port ${wanted} on ${HOST}, asked for PostgreSQL, is in use: free it or choose another.`,
    ])
  writeFileSync(file, String(port))
  return port
}

function freePort(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer()
    server.on('error', () => done(undefined))
    server.listen(port, HOST, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : undefined))
    })
  })
}

/** The end of the server's log, from byte `start` on. */
function lastWords(directory: string, start: number): string {
  const file = join(directory, 'server.log')
  return existsSync(file)
    ? readFileSync(file).subarray(start).toString().trimEnd().split('\n').slice(-12).join('\n')
    : '(no log)'
}

/** pg has these two methods; its types do not. */
type Referenced = pg.Client & { ref(): void; unref(): void }

function connection(port: number, password: string, name: string): Referenced {
  const client = new pg.Client({
    host: HOST,
    port,
    user: SUPERUSER,
    password,
    database: 'postgres',
    ssl: false,
    application_name: `freehold-${name} ${process.pid}`,
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
  })
  // The server may be stopped or killed under an idle session: that is for the next query to notice.
  client.on('error', () => {})
  return client as Referenced
}

/** A session that marks the server as used. Undefined when it is another cluster's server, or about to stop. */
async function takeLease(port: number, password: string, data: string): Promise<Referenced | undefined> {
  const client = connection(port, password, 'lease')
  try {
    await client.connect()
    const { rows } = await client.query<{ directory: string; leased: boolean }>(
      `select current_setting('data_directory') as directory, pg_try_advisory_lock_shared($1) as leased`,
      [locks.lease],
    )
    const isOurs = rows[0] !== undefined && statSync(rows[0].directory).ino === statSync(data).ino
    if (isOurs && rows[0]?.leased) {
      client.unref()
      return client
    }
  } catch {
    // Not accepting sessions any more or not yet; the caller looks again.
  }
  await client.end().catch(() => {})
  return undefined
}

interface ClusterParts {
  readonly bin: string
  readonly data: string
  readonly user: ServerUser
  readonly password: string
  readonly port: number
  readonly pid: number
  readonly owner: boolean
  readonly lease: Referenced
}

function makeCluster({ bin, data, user, password, port, pid, owner, lease }: ClusterParts): Cluster {
  let ended: Promise<void> | undefined
  const release = () => {
    lease.ref()
    return (ended ??= lease.end().catch(() => {}))
  }
  const isUp = () => readPostmaster(data)?.pid === pid && isPostgres(pid)
  return {
    host: HOST,
    port,
    user: SUPERUSER,
    password,
    pid,
    data,
    owner,
    release,
    url: (database) =>
      `postgres://${SUPERUSER}:${encodeURIComponent(password)}@${HOST}:${port}/${encodeURIComponent(database)}`,
    async stop({ force = false } = {}) {
      await release()
      if (!isUp()) return 'stopped'
      if (force) {
        await shutDown(bin, data, user)
        return 'stopped'
      }
      const client = connection(port, password, 'stop')
      try {
        await client.connect()
        if (await isUsedByOthers(client)) return 'in use'
        // Still holding the exclusive lock: whoever joins from here on is refused a lease, and starts the server anew.
        await shutDown(bin, data, user)
        return 'stopped'
      } catch {
        return isUp() ? 'in use' : 'stopped'
      } finally {
        await client.end().catch(() => {})
      }
    },
  }
}

/** Others hold a lease, or came by URL: their sessions carry our application names with another process id. */
async function isUsedByOthers(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [locks.lease])
  if (!rows[0]?.alone) return true
  const others = await client.query(
    `select from pg_stat_activity
     where backend_type = 'client backend' and pid <> pg_backend_pid()
       and application_name like 'freehold%' and application_name not like '% ' || $1::text`,
    [process.pid],
  )
  return (others.rowCount ?? 0) > 0
}

/** Fast, and immediate when that takes more than ten seconds; the next start then recovers from the log. */
async function shutDown(bin: string, data: string, user: ServerUser): Promise<void> {
  const stop = (mode: string) =>
    promisify(execFile)(join(bin, 'pg_ctl'), ['stop', '-D', data, '-m', mode, '-w', '-t', '10', '-s'], {
      ...childOptions(user),
      timeout: 15_000,
    })
  await stop('fast')
    .catch(() => stop('immediate'))
    .catch(() => {})
}
