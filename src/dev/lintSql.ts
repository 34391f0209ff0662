import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { ROOT } from '../deploy/database.ts'

/** Where SQL is written by hand. A committed migration is history; what is generated is as long as it is. */
const FOLDERS = ['functions', 'policies', 'sql']
const LIMIT = 120

/** @returns a line for each that is too long: `sql/tables.sql:14: 128 columns; 120 at most`. */
export async function lintSql(root: string): Promise<string[]> {
  const entries = await Promise.all(
    FOLDERS.map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  )
  const paths = entries
    .flat()
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
  const found = await Promise.all(
    paths.map(async (path) =>
      (await readFile(join(root, path), 'utf8')).split('\n').flatMap((line, index) => {
        const columns = Array.from(line).length
        return columns > LIMIT ? [`${path}:${index + 1}: ${columns} columns; ${LIMIT} at most`] : []
      }),
    ),
  )
  return found.flat()
}

if (import.meta.main) {
  const lines = await lintSql(ROOT)
  for (const line of lines) console.error(line)
  process.exitCode = lines.length > 0 ? 1 : 0
}
