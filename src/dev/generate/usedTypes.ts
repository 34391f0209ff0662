import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join, posix, relative, sep } from 'node:path'

/** Where generated types are used. */
const USERS = ['src', 'test', 'bench', 'scripts']

const IMPORTED = /from '(?<path>[^']+\.ts)'/g
const FROM_OUTSIDE = /from '(?:\.\.\/)+generated\/types\/(?<path>[^']+\.ts)'/g

async function tsFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

/**
 * Takes away the files of `typesDir` that neither TypeScript below `root` imports nor a file that stays. What somebody imports anew is
 * written by the next run, since all of them were.
 */
export async function removeUnusedTypes(typesDir: string, root: string): Promise<void> {
  const slashed = (path: string) => relative(typesDir, path).split(sep).join('/')
  const all = new Map<string, string>()
  for (const file of await tsFiles(typesDir)) all.set(slashed(file), await readFile(file, 'utf8'))
  const used = new Set<string>()
  const waiting: string[] = []
  for (const user of USERS) {
    for (const file of await tsFiles(join(root, user)))
      for (const match of (await readFile(file, 'utf8')).matchAll(FROM_OUTSIDE)) waiting.push(match.groups!.path!)
  }
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const text = all.get(path)
    if (text === undefined || used.has(path)) continue
    used.add(path)
    for (const match of text.matchAll(IMPORTED)) waiting.push(posix.join(posix.dirname(path), match.groups!.path!))
  }
  for (const path of all.keys()) {
    if (used.has(path)) continue
    await rm(join(typesDir, path))
    await rmdir(dirname(join(typesDir, path))).catch(() => {})
  }
}
