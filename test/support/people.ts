import { settle, type People, type Settled } from '../../src/dev/proof/people.ts'
import type { TestDatabase } from './database.ts'

export {
  enrol,
  found,
  join,
  mailedToken,
  signUp,
  type Caller,
  type People,
  type Person,
  type PersonName,
  type Settled,
  type Tenant,
} from '../../src/dev/proof/people.ts'

/**
 * Alice owns Acme, Bob is a developer there, Vera a viewer, Bill does billing; Mallory owns Evil Corp; Nobody has no tenant.
 * They act by `ask`.
 */
export async function namedPeople(database: TestDatabase): Promise<Settled & People> {
  await database.owner.query('select app_private.ensure_partitions()')
  const settled = await settle(database)
  return { ...settled, ...settled.people }
}
