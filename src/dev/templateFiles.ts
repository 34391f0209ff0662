import { createHash, randomBytes } from 'node:crypto'
import { chownSync, constants, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../deploy/database.ts'
import type { ServerUser } from '../deploy/serverFiles.ts'

/** Data directories of stopped clusters whose template is built, each under the checksum of what it was built from. */
const CACHE = join(ROOT, 'node_modules/.cache/freehold-template')
/** Who goes back and forth between two branches finds both; 70 MB each. */
const KEPT = 3
/** What a copy that was killed left behind is taken away after this time. */
const ABANDONED_MS = 600_000

/** What decides how a built database looks: every line of SQL, the code that applies it, and what npm installed. */
const SOURCES = [
  'migrations',
  'functions',
  'policies',
  'sql',
  'generated/sql',
  'src/deploy',
  'src/dev/templateCluster.ts',
]
const SINGLE_FILES = ['.gmrc', 'src/config.ts', 'node_modules/.package-lock.json']

/** Checksum of what a database is built from, in hex. The month is part of it, since a build makes partitions ahead. */
export async function templateChecksum(root = ROOT): Promise<string> {
  const listed = await Promise.all(
    SOURCES.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
      const paths = entries
        .filter((entry) => entry.isFile() && /\.(sql|ts)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
      return folder.endsWith('.ts') ? [join(root, folder)] : paths.sort()
    }),
  )
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 7))
  for (const path of [...listed.flat(), ...SINGLE_FILES.map((name) => join(root, name))])
    hash
      .update(path.slice(root.length))
      .update('\0')
      .update(await readFile(path).catch(() => 'none'))
      .update('\0')
  return hash.digest('hex')
}

/**
 * Copies the kept data directory of that checksum to `data`; false when there is none that is whole.
 * A kept one is never started: only copies are, so that nothing a run does reaches the next.
 */
export async function takeTemplate(checksum: string, data: string, user: ServerUser, cache = CACHE): Promise<boolean> {
  const kept = join(cache, checksum)
  try {
    const bytes = Number(await readFile(join(kept, 'bytes'), 'utf8'))
    if (copyTree(join(kept, 'data'), data, user) !== bytes) throw new Error('The kept template is not whole.')
    const now = new Date()
    await utimes(kept, now, now)
    return true
  } catch {
    // None yet; or one that a crash of the machine truncated, or that another run is just removing.
    await remove(kept, cache)
    await rm(data, { recursive: true, force: true })
    return false
  }
}

/** Keeps a copy of the stopped cluster in `data`. Written aside and renamed: of several at once the first stays, and a killed one leaves nothing that is taken for whole. */
export async function keepTemplate(checksum: string, data: string, cache = CACHE): Promise<void> {
  const aside = join(cache, `.aside-${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(aside, { recursive: true, mode: 0o700 })
    await writeFile(join(aside, 'bytes'), String(copyTree(data, join(aside, 'data'), {})))
    await rename(aside, join(cache, checksum))
  } catch {
    // Another run was first, or there is no room: this run has its template either way.
    await rm(aside, { recursive: true, force: true })
  }
  await forget(checksum, cache)
}

/** Removes all but the templates that were used last, and what killed runs left. */
async function forget(current: string, cache: string): Promise<void> {
  const names = await readdir(cache).catch(() => [])
  const entries = await Promise.all(
    names.map(async (name) => ({ name, usedAt: (await stat(join(cache, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  )
  const isAside = ({ name }: { name: string }) => name.startsWith('.')
  const old = entries
    .filter((entry) => !isAside(entry) && entry.name !== current)
    .sort((a, b) => b.usedAt - a.usedAt)
    .slice(KEPT - 1)
  const abandoned = entries.filter((entry) => isAside(entry) && entry.usedAt < Date.now() - ABANDONED_MS)
  for (const { name } of [...old, ...abandoned]) await remove(join(cache, name), cache)
}

/** Renamed first, so that nobody begins to copy what is half gone. */
async function remove(path: string, cache: string): Promise<void> {
  const gone = join(cache, `.gone-${randomBytes(6).toString('hex')}`)
  const isThere = await rename(path, gone).then(
    () => true,
    () => false,
  )
  if (isThere) await rm(gone, { recursive: true, force: true })
}

/** Copies files and folders, as clones where the file system has them, and gives them to `user`. Returns their bytes. */
function copyTree(from: string, to: string, user: ServerUser): number {
  const own = (path: string, like: { uid: number; gid: number }) => {
    if (process.getuid?.() === 0) chownSync(path, user.uid ?? like.uid, user.gid ?? like.gid)
  }
  let bytes = 0
  mkdirSync(to, { mode: 0o700 })
  own(to, statSync(from))
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) bytes += copyTree(source, target, user)
    else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE)
      const found = statSync(target)
      own(target, statSync(source))
      bytes += found.size
    }
  }
  return bytes
}
