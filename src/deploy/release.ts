import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../errorCode.ts'

/** Row of the record of applied sources that says which release applied them. */
export const RELEASE = 'release'

/** The version of package.json: three numbers that only grow from release to release, without a suffix. Undefined where there is none. */
export async function readRelease(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, 'package.json'), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '{}'
    throw error
  })
  return (JSON.parse(text) as { version?: string }).version
}

/** Whether the release that a database has is newer than ours: then its sources stay, and ours stay out. */
export function isNewer(theirs: string | undefined, ours: string | undefined): boolean {
  if (theirs === undefined || ours === undefined) return false
  return theirs.localeCompare(ours, 'en', { numeric: true }) > 0
}
