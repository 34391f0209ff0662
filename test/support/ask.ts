import type { Claims } from '../../src/db/withTenant.ts'
import { callAs, claimsOf, type Caller } from '../../src/dev/proof/people.ts'
import type { TestDatabase } from './database.ts'

/** Who asks: a token (session or API key), alone or with what else a request presents; null is somebody without a log-in. */
export type Bearer = string | null | Caller

const callerOf = (bearer: Bearer): Caller =>
  typeof bearer === 'object' && bearer !== null ? bearer : { token: bearer }

/** Claims of a request, as the server gets them; rejects when the bearer is refused. */
export async function authenticate(database: TestDatabase, bearer: Bearer): Promise<Claims & { cacheable: boolean }> {
  return (await claimsOf(database.authenticator, callerOf(bearer))) as Claims & { cacheable: boolean }
}

/**
 * The one way to act as somebody: runs a statement as a request would, authenticated, in a transaction of its own under their claims
 * and role. A person alone means their default tenant; `{ token, tenant }` names another. Rows, or the database's error.
 */
export async function ask<T = any>(
  database: TestDatabase,
  bearer: Bearer,
  sql: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  return (await callAs(database.authenticator, callerOf(bearer), sql, values)) as T[]
}

/** The one row that `ask` must give. */
export async function askOne<T = any>(
  database: TestDatabase,
  bearer: Bearer,
  sql: string,
  values: readonly unknown[] = [],
): Promise<T> {
  const rows = await ask<T>(database, bearer, sql, values)
  if (rows.length !== 1) throw new Error(`${rows.length} rows of ${sql}`)
  return rows[0]!
}
