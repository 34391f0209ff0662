import type pg from 'pg'

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
 * Rolls back when `fn` throws, and rethrows that error.
 */
export async function withTenant<T>(
  pool: pg.Pool,
  claims: Claims,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const values = CLAIM_NAMES.map((name) => claims[name] ?? (name === 'actor_type' ? 'worker' : ''))
  const client = await pool.connect()
  let broken: Error | undefined
  // A connection that dies while `fn` is busy elsewhere emits; unheard, that would end the process.
  const onError = (error: Error) => (broken = error)
  client.on('error', onError)
  try {
    await client.query('begin')
    await (claims.role ? client.query(SET_CLAIMS_AND_ROLE, [...values, claims.role]) : client.query(SET_CLAIMS, values))
    const result = await fn(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch((lost: Error) => (broken = lost))
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
