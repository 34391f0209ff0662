import type pg from 'pg'
import { lawOf, objectOf, roomOf, SourceError, type Source } from './sources.ts'

/** Rooms of which each file makes the one object of its name, so that it goes with its file. Views first: they call functions. */
const KINDS: readonly { readonly rooms: readonly Source['room'][]; readonly query: string }[] = [
  {
    rooms: ['sql/views', 'generated/sql/views'],
    query: `
      select format('view %s', c.oid::regclass) as object
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'v' and n.nspname || '.' || c.relname = any ($1)
      order by 1`,
  },
  {
    rooms: ['functions', 'generated/sql/functions'],
    query: `
      select format('routine %s', f.oid::regprocedure) as object
      from pg_proc f join pg_namespace n on n.oid = f.pronamespace
      where n.nspname || '.' || f.proname = any ($1)
      order by 1`,
  },
]

/** Of the files that are not there any more those that went; the object of the others has another file now. */
export function findGone(missing: readonly string[], sources: readonly Source[]): string[] {
  const present = new Set(sources.map((source) => keyOf(source.path)))
  return missing.filter((path) => !present.has(keyOf(path)))
}

/**
 * Drops the functions and views whose files are gone, in the transaction that applied what replaces them: nothing is missing in between.
 * What seeds wrote stays, as does everything that no file made.
 * @returns what was dropped, such as `routine app_private.seal(text)`.
 * @throws SourceError when something still depends on one.
 */
export async function dropRemoved(client: pg.ClientBase, gone: readonly string[]): Promise<string[]> {
  const dropped: string[] = []
  for (const { rooms, query } of KINDS) {
    const paths = new Map(
      gone.filter((path) => rooms.includes(roomOf(path)!)).map((path) => [objectOf(path, roomOf(path)!), path]),
    )
    if (paths.size === 0) continue
    const { rows } = await client.query<{ object: string }>(query, [[...paths.keys()]])
    for (const { object } of rows) {
      await client.query(`drop ${object}`).catch((error: unknown) => {
        const path = [...paths].find(([name]) => object.includes(name))?.[1] ?? object
        throw new SourceError({ path, text: '' }, error)
      })
      dropped.push(object)
    }
  }
  return dropped
}

/** What a file is for, wherever below its room it lies: its object, or for a law its name. */
function keyOf(path: string): string {
  const room = roomOf(path)
  const kind = KINDS.findIndex(({ rooms }) => room !== undefined && rooms.includes(room))
  if (room !== undefined && kind >= 0) return `${kind} ${objectOf(path, room)}`
  return room === 'sql/checks' ? `${room} ${lawOf(path)}` : path
}
