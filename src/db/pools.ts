import pg from 'pg'
import type { Keyring } from '../config.ts'

/** How a pool's connections behave; times are milliseconds. */
export interface PoolOptions {
  /** Shown in pg_stat_activity as `<name> <process id>`; begin it with `freehold-`, which keeps the embedded server running. */
  readonly name: string
  readonly size: number
  /** Given to every connection as the session setting app.keyring, from which SQL encrypts and decrypts secrets. */
  readonly keyring?: Keyring
  readonly statementTimeoutMs?: number
  readonly idleInTransactionTimeoutMs?: number
  /** Told of connections lost while idle; the pool replaces them by itself. */
  readonly onError?: (error: Error) => void
}

/** A pool whose connections time out, are named, and carry the key ring before anybody gets them. */
export function createPool(url: string, options: PoolOptions): pg.Pool {
  const keyring = options.keyring && JSON.stringify({ current: options.keyring.current, keys: options.keyring.keys })
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
    ...(keyring !== undefined && {
      // A bound value, since the text of a statement may reach the server's log.
      onConnect: async (client: pg.ClientBase) => {
        await client.query(`select set_config('app.keyring', $1, false)`, [keyring])
      },
    }),
  })
  pool.on('error', options.onError ?? (() => {}))
  return pool
}
