import type pg from 'pg'
import { inTransaction } from './inTransaction.ts'
import { keysFor, lendKeys } from './keys.ts'

/** The transaction-local settings app.<name> that policies and functions read; a missing one is set to the empty string. */
export const CLAIM_NAMES = [
  'tenant_id',
  'user_id',
  'member_role',
  'session_id',
  'api_key_id',
  'scopes',
  'permissions',
  'project_id',
  'environment_id',
  'hidden_project_ids',
  'project_ranks',
  'actor_type',
  'actor',
  'request_id',
  'ip',
  'user_agent',
] as const

/** What app_private.authenticate returns, or what a task says of itself. `role` is left alone when absent. */
export type Claims = { readonly [name in (typeof CLAIM_NAMES)[number] | 'role']?: string | null | undefined }

const SET_CLAIMS = `select ${CLAIM_NAMES.map((name, index) => `set_config('app.${name}', $${index + 1}, true)`).join(', ')}`
// The role comes last: what it may not do must not stop the settings before it.
const SET_CLAIMS_AND_ROLE = `${SET_CLAIMS}, set_config('role', $${CLAIM_NAMES.length + 1}, true)`

/**
 * Runs `fn` in one transaction that carries the claims: the only way the worker touches a tenant's data.
 * Without `role` the pool's own role stays (freehold_worker); actor_type is `worker` unless the claims say otherwise.
 * `calling` is what `fn` sends, as far as it may need the key ring, which it is lent then (keys.ts).
 * Rolls back when `fn` throws, and rethrows that error.
 */
export async function withTenant<T>(
  pool: pg.Pool,
  claims: Claims,
  fn: (client: pg.PoolClient) => Promise<T>,
  calling = '',
): Promise<T> {
  const values = CLAIM_NAMES.map((name) => claims[name] ?? (name === 'actor_type' ? 'worker' : ''))
  const keys = await keysFor(pool, calling)
  return await inTransaction(pool, async (client) => {
    await (claims.role ? client.query(SET_CLAIMS_AND_ROLE, [...values, claims.role]) : client.query(SET_CLAIMS, values))
    await lendKeys(client, keys)
    return await fn(client)
  })
}
