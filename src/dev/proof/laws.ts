import type pg from 'pg'
import type { Offence } from '../../deploy/apply.ts'
import { objectOf, readSources, type Source } from '../../deploy/sources.ts'
import { checkRaises, RAISES_LAW } from './raises.ts'

interface Row {
  readonly schema: string
  readonly name: string
}

/** Rooms whose files stand for objects of the database, one each: `<room>/<schema>/<name>.sql`, for functions with a topic between. */
interface FileLaw {
  readonly rooms: readonly Source['room'][]
  /** Where a missing file belongs. */
  readonly place: string
  readonly law: string
  /** Every object that must have a file, as (schema, name). */
  readonly query: string
  readonly what: string
}

const FILE_LAWS: readonly FileLaw[] = [
  {
    rooms: ['functions', 'generated/sql/functions'],
    place: 'functions/<schema>/<topic>/<name>.sql',
    law: 'each function has its file and each file its function',
    what: 'function',
    query: `
      select distinct s.name as schema, f.proname as name
      from pg_proc f join app_private.our_schemas s on s.oid = f.pronamespace`,
  },
  {
    rooms: ['policies'],
    place: 'policies/<schema>/<name>.sql',
    law: 'each table has its policy file and each file its table',
    what: 'table',
    // The record of applied sources is there before any policy is.
    query: `
      select t.schema, t.name from app_private.our_tables t
      where t.schema <> 'partitions' and t.full_name <> 'app_private.applied_sources'`,
  },
  {
    rooms: ['sql/triggers'],
    place: 'sql/triggers/<schema>/<name>.sql',
    law: 'each table with triggers has its file and each file its table',
    what: 'table with triggers',
    query: `
      select distinct t.schema, t.name
      from pg_trigger g join app_private.our_tables t on t.oid = g.tgrelid
      where not g.tgisinternal and g.tgparentid = 0 and t.schema <> 'partitions'`,
  },
  {
    rooms: ['sql/views', 'generated/sql/views'],
    place: 'sql/views/<schema>/<name>.sql',
    law: 'each view has its file and each file its view',
    what: 'view',
    // The registry has sql/tables.sql.
    query: `
      select s.name as schema, c.relname as name
      from pg_class c join app_private.our_schemas s on s.oid = c.relnamespace
      where c.relkind = 'v' and (s.name, c.relname) <> ('app_private', 'table_registry')`,
  },
]

/** Files that stand for something in many objects at once. */
const OF_MANY: readonly string[] = ['sql/triggers/audit.sql', 'sql/triggers/named_people.sql']

/** Where these laws stand. */
const PATH = 'src/dev/proof/laws.ts'

/** The laws of {@link runFileLaws}, by name. */
export const FILE_LAW_NAMES: readonly string[] = [...FILE_LAWS.map(({ law }) => law), RAISES_LAW]

/** The laws a query alone cannot tell: each object has the file of its name, and each file its object. No row when they hold. */
export async function runFileLaws(client: pg.ClientBase, root: string): Promise<Offence[]> {
  const sources = await readSources(root)
  const offences = await checkRaises(client, sources)
  for (const { rooms, place, law, what, query } of FILE_LAWS) {
    const files = new Map(
      sources.filter((source) => rooms.includes(source.room)).map(({ path, room }) => [objectOf(path, room), path]),
    )
    const { rows } = await client.query<Row>(query)
    const wanted = new Set(rows.map(({ schema, name }) => `${schema}.${name}`))
    for (const { schema, name } of rows) {
      const path = place.replace('<schema>', schema).replace('<name>', name)
      if (!files.has(`${schema}.${name}`))
        offences.push({
          law,
          path: PATH,
          offender: `${schema}.${name}`,
          why: `this ${what} has no file ${path}`,
          mend: `write ${path}; or, if nobody needs it any more, drop it in migrations/current.sql`,
        })
    }
    for (const [object, path] of files) {
      if (!wanted.has(object) && !OF_MANY.includes(path))
        offences.push({
          law,
          path: PATH,
          offender: path,
          why: `there is no ${what} of that name`,
          mend: `delete ${path}, or give it the name of the ${what} it is for`,
        })
    }
  }
  return offences
}
