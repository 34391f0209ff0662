import { createHash } from 'node:crypto'
import pg from 'pg'
import { ANSWERS, SENT_AS_JSON, type Functions } from '../../generated/types/functions.ts'

/** A function of the database that TypeScript may call, with its schema. */
export type FunctionName = keyof Functions
export type Arguments<Name extends FunctionName> = Functions[Name]['arguments']
export type Result<Name extends FunctionName> = Functions[Name]['result']

/** What sends a statement: a pool, a client, or a client in a transaction. */
export interface Queryable {
  query(statement: { name?: string; text: string; values: unknown[] }): Promise<{ rows: Record<string, unknown>[] }>
}

export interface CallOptions {
  /** Parsed and planned once a connection. For what is called all the time and returns no row, whose columns might change under it. */
  readonly isPrepared?: boolean
}

/** Nothing has to be written where every argument may be left out. */
export type Given<Name extends FunctionName> =
  {} extends Arguments<Name>
    ? [given?: Arguments<Name>, options?: CallOptions]
    : [given: Arguments<Name>, options?: CallOptions]

/**
 * Calls a function of the database by name: `await call(pool, 'app_private.decrypt_secret', { encrypted })`. Names and types are those of the
 * catalog (generated/types/functions.ts). What is undefined is left out, so that its default stands. A function of one row gives it, or
 * null; one of many gives them all; jsonb comes as `unknown`, since the catalog knows no more.
 */
export async function call<Name extends FunctionName>(
  client: Queryable,
  name: Name,
  ...[given = {}, { isPrepared = false } = {}]: Given<Name>
): Promise<Result<Name>> {
  const { parts, values } = write(SENT_AS_JSON[name] ?? {}, given)
  const text = `select * from ${name}(${parts.join(', ')})`
  // PostgreSQL reads 63 bytes of a statement's name.
  const statement = isPrepared ? { name: createHash('sha1').update(text).digest('hex') } : {}
  const { rows } = await client.query({ ...statement, text, values })
  return READ[ANSWERS[name]](rows) as Result<Name>
}

/** Arguments in named notation. pg would send a list as an array, and no composite at all: these go as JSON. */
function write(json: Readonly<Record<string, string>>, given: object): { parts: string[]; values: unknown[] } {
  const parts: string[] = []
  const values: unknown[] = []
  for (const [argument, value] of Object.entries(given) as [string, unknown][]) {
    if (value === undefined) continue
    const type = value === null ? undefined : json[argument]
    values.push(type === undefined ? value : JSON.stringify(value))
    parts.push(`${pg.escapeIdentifier(argument)} => ${populate(type, `$${values.length}`)}`)
  }
  return { parts, values }
}

function populate(type: string | undefined, place: string): string {
  if (type === undefined || type === 'json') return place
  return type.endsWith('[]')
    ? `array(select item from jsonb_populate_recordset(null::${type.slice(0, -2)}, ${place}) item)`
    : `jsonb_populate_record(null::${type}, ${place})`
}

const first = (row: Record<string, unknown> | undefined): unknown => Object.values(row ?? {})[0]

/** How an answer becomes what the types say. A composite that is null comes as a row in which everything is. */
const READ: Readonly<Record<(typeof ANSWERS)[FunctionName], (rows: readonly Record<string, unknown>[]) => unknown>> = {
  nothing: () => undefined,
  value: ([row]) => first(row),
  values: (rows) => rows.map(first),
  row: ([row]) => (row && Object.values(row).some((value) => value !== null) ? row : null),
  rows: (rows) => rows,
}
