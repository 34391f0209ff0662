import type pg from 'pg'
import { callAs, settle, type Caller, type People, type Settled } from '../../src/dev/proof/people.ts'
import type { TestDatabase } from './database.ts'

export {
  enrol,
  found,
  join,
  mailedToken,
  type Caller,
  type People,
  type Person,
  type Settled,
  type Tenant,
} from '../../src/dev/proof/people.ts'

/** Runs a statement as somebody: authenticated, under their claims and role, in a transaction of its own. Rows, or the database's error. */
export type As = <Row extends pg.QueryResultRow = pg.QueryResultRow>(
  caller: Caller | null,
  sql: string,
  params?: readonly unknown[],
) => Promise<Row[]>

/**
 * Alice owns Acme, Bob is a developer there, Vera a viewer, Bill does billing; Mallory owns Evil Corp; Nobody has no tenant.
 * A person alone means their default tenant; `{ token, tenant }` names another; null is somebody without a log-in.
 */
export async function namedPeople(database: TestDatabase): Promise<Settled & People & { readonly as: As }> {
  await database.owner.query('select app_private.ensure_partitions()')
  const settled = await settle(database)
  const as: As = (caller, sql, params) => callAs(database.authenticator, caller ?? { token: null }, sql, params)
  return { ...settled, ...settled.people, as }
}
