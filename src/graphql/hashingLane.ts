import type pg from 'pg'
import { ServerError } from '../errors.ts'

/**
 * Functions of app_public that hash a password, which takes a processor for some fifty milliseconds: they get a lane of their own, a few
 * connections beside the pool, so that many of them at once neither hold the connections that others wait for nor all processors.
 * test/graphql/hashingLane.test.ts compares the list with the catalog.
 */
export const HASHING_FUNCTIONS = [
  'change_password',
  'disable_totp',
  'enable_totp',
  'login',
  'reauthenticate',
  'register',
  'reset_password',
] as const

/** Those that wait for the lane; whoever comes on top is told so at once, instead of after a wait. */
export const MAX_WAITING = 100

const HASHES = new RegExp(`"app_public"\\."(?:${HASHING_FUNCTIONS.join('|')})"\\(`)

/** The pool that a statement of GraphQL goes to. @throws OVERLOADED when too many wait for the lane already. */
export function poolFor(text: string, pool: pg.Pool, hashingPool: pg.Pool): pg.Pool {
  if (!HASHES.test(text)) return pool
  if (hashingPool.waitingCount >= MAX_WAITING) {
    throw new ServerError('OVERLOADED', 'Too many passwords are being checked; try again in a few seconds.')
  }
  return hashingPool
}
