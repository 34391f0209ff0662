import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { unlockDeadPools as unlock } from '../../generated/queries/liveness.ts'
import type { Logger } from '../log.ts'

/**
 * First half of the two-part advisory locks by which worker pools show that they live; the second is a hash of the pool's name.
 * Two-part locks never meet those of src/deploy/locks.ts, which have one part.
 */
const LOCK = 7_301_004
const LONGEST_PAUSE_MS = 2000
const GRACE_SECONDS = 5

export interface Liveness {
  /** Resolves when the pool's lock is held: before that it must take no job. Never rejects; tries until `close`. */
  show(poolId: string): Promise<void>
  /** Lets go of the locks. The pools must have no job by then. */
  close(): Promise<void>
}

/**
 * Holds one shared advisory lock a worker pool on a connection of its own. When the process dies, however it dies, the server drops
 * the connection and with it the lock, which is how {@link unlockDeadPools} knows. Lost connections are replaced.
 */
export function showLiveness({ connectionString, log }: { connectionString: string; log: Logger }): Liveness {
  const closing = new AbortController()
  const shown = new Map<string, Promise<void>>()
  let client: Promise<pg.Client> | undefined
  let reconnecting: Promise<void> | undefined

  async function connect(): Promise<pg.Client> {
    const next = new pg.Client({
      connectionString,
      application_name: `freehold-worker-liveness ${process.pid}`,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    })
    const lost = (error?: Error) => {
      client = undefined
      if (closing.signal.aborted) return
      log.warn({ err: error }, 'the connection that shows that this worker lives was lost')
      void reconnect()
    }
    try {
      next.once('error', () => {})
      await next.connect()
      // A machine that vanishes says no goodbye: the server asks after ten seconds, and gives up after twenty more.
      await next.query('set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4')
      for (const poolId of shown.keys()) await lock(next, poolId)
    } catch (error) {
      next.end().catch(() => {})
      throw error
    }
    next.on('error', lost)
    next.on('end', () => lost())
    return next
  }

  /** Until every pool's lock is held. */
  function reconnect(): Promise<void> {
    reconnecting ??= (async () => {
      for (let pause = 50; !closing.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        try {
          client = connect()
          await client
          return
        } catch (error) {
          client = undefined
          log.warn({ err: error }, 'the connection that shows that this worker lives is not there yet')
          await sleep(pause, undefined, { signal: closing.signal }).catch(() => {})
        }
      }
    })().finally(() => {
      reconnecting = undefined
    })
    return reconnecting
  }

  async function show(poolId: string): Promise<void> {
    try {
      if (!client) throw new Error('no connection yet')
      await lock(await client, poolId)
    } catch {
      // Takes the locks of all pools that were ever shown.
      await reconnect()
    }
  }

  return {
    show(poolId) {
      const before = shown.get(poolId)
      if (before) return before
      const done = Promise.resolve().then(() => show(poolId))
      shown.set(poolId, done)
      return done
    },
    async close() {
      closing.abort()
      await reconnecting
      const last = await client?.catch(() => undefined)
      await last?.end().catch(() => {})
    },
  }
}

async function lock(client: pg.Client, poolId: string): Promise<void> {
  await client.query('select pg_advisory_lock_shared($1, hashtext($2))', [LOCK, poolId])
}

/**
 * Gives the jobs of worker pools that died back to the queue: those that hold jobs but not their lock. Returns their names.
 * Every pool of the database must show its liveness; graphile-worker alone would wait four hours.
 * @param graceSeconds age of the server before which nobody is taken for dead.
 */
export async function unlockDeadPools(pool: pg.Pool, graceSeconds = GRACE_SECONDS): Promise<string[]> {
  const rows = await unlock.run({ lock: LOCK, graceSeconds }, pool)
  return rows.flatMap((row) => row.poolIds)
}
