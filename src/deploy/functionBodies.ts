import pg from 'pg'
import type { Offence } from './apply.ts'
import { lineOf, objectOf, type Source } from './sources.ts'

/** Apply runs with check_function_bodies off, since a file may name what a later one creates; this makes up for it. */
export const BODIES_LAW = 'function bodies are valid'

interface Body {
  readonly object: string
  readonly signature: string
  readonly check: string
}

/** PostgreSQL's own: SQL is analysed against what is there; PL/pgSQL is compiled, which looks up types but no table or column. */
const BODIES = `
  select n.nspname || '.' || f.proname as object, f.oid::regprocedure::text as signature,
    case l.lanname when 'sql' then 'fmgr_sql_validator' else 'plpgsql_validator' end || '(' || f.oid || ')' as "check"
  from pg_proc f
  join pg_namespace n on n.oid = f.pronamespace
  join pg_language l on l.oid = f.prolang
  where l.lanname in ('sql', 'plpgsql') and n.nspname || '.' || f.proname = any ($1)
  order by 1, 2`

/**
 * Checks the body of every function that has its file among `sources`, inside the caller's transaction; 30 ms for 165 of them.
 * What only a call can tell of PL/pgSQL is left to the tests, one of which insists that each such function is called.
 */
export async function checkFunctionBodies(client: pg.ClientBase, sources: readonly Source[]): Promise<Offence[]> {
  const files = new Map(
    sources
      .filter(({ room }) => room === 'functions' || room === 'generated/sql/functions')
      .map((source) => [objectOf(source.path, source.room), source]),
  )
  const { rows: bodies } = await client.query<Body>(BODIES, [[...files.keys()]])
  const errorOf = async (expression: string) => {
    await client.query('savepoint bodies; set local check_function_bodies = on')
    try {
      await client.query(`select ${expression}`)
      return undefined
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      return error
    } finally {
      await client.query('rollback to savepoint bodies; release savepoint bodies')
    }
  }
  // All of them in one round trip, as nearly always none is broken.
  const all = bodies.map(({ check }) => `${check}::text`).join(', ')
  if ((await errorOf(`array[${all}]::text[]`)) === undefined) return []
  const offences: Offence[] = []
  for (const { object, signature, check } of bodies) {
    const error = await errorOf(check)
    const source = files.get(object)
    if (error && source) offences.push(offenceOf(error, signature, source))
  }
  return offences
}

function offenceOf(error: pg.DatabaseError, signature: string, { path, text }: Source): Offence {
  const start = text.indexOf(error.internalQuery ?? '\0')
  const line =
    start < 0 ? undefined : lineOf(text.slice(start), Number(error.internalPosition)) + lineOf(text.slice(0, start)) - 1
  const place = line === undefined ? path : `${path}:${line}`
  return {
    law: BODIES_LAW,
    path: 'src/deploy/functionBodies.ts',
    offender: signature,
    why: error.message,
    mend: path.startsWith('generated/')
      ? `npm run generate, which writes ${path}`
      : [place, error.hint ?? (line === undefined ? error.where : text.split('\n')[line - 1]?.trim())]
          .filter(Boolean)
          .join(': '),
  }
}
