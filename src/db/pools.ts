import pg from 'pg'
import type { Keyring } from '../config.ts'
import { rememberKeyring } from './keys.ts'

/** How a pool's connections behave; times are milliseconds. */
export interface PoolOptions {
  /** Shown in pg_stat_activity as `<name> <process id>`; begin it with `freehold-`, which keeps the embedded server running. */
  readonly name: string
  readonly size: number
  /** Lent to the calls that need it, see keys.ts; no connection carries it. */
  readonly keyring?: Keyring
  readonly statementTimeoutMs?: number
  readonly idleInTransactionTimeoutMs?: number
  /** Told of connections lost while idle; the pool replaces them by itself. */
  readonly onError?: (error: Error) => void
}

/** A pool whose connections time out, are named. */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: `${options.name} ${process.pid}`,
    // Compiling costs more than these short statements ever run.
    options: '-c jit=off',
    max: options.size,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 30_000,
  })
  if (options.keyring) rememberKeyring(pool, options.keyring)
  pool.on('error', options.onError ?? (() => {}))
  return pool
}
