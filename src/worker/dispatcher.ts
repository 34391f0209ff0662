import type pg from 'pg'
import type { Logger } from '../log.ts'
import { call } from '../db/call.ts'
import { makeListener } from '../db/listener.ts'

/** Events taken in one transaction. */
const BATCH = 500
/** How long an event waits at most when its notification was lost, milliseconds. */
const INTERVAL_MS = 5000

export interface Dispatcher {
  /** Ends the round that is under way and begins no other. */
  stop(): Promise<void>
}

export interface DispatcherDeps {
  /** URL of freehold_worker, for the one connection that listens. */
  connectionString: string
  pool: pg.Pool
  log: Logger
  intervalMs?: number
}

/**
 * Empties the outbox whenever somebody says that it has something, and every five seconds. Several processes may: each takes events
 * that no other holds.
 */
export async function startDispatcher({
  connectionString,
  pool,
  log,
  intervalMs = INTERVAL_MS,
}: DispatcherDeps): Promise<Dispatcher> {
  let isStopping = false
  let isAgain = false
  let round: Promise<void> | undefined

  async function drain(): Promise<void> {
    do {
      isAgain = false
      while (!isStopping) {
        const count = await call(pool, 'app_private.dispatch_events', { max_count: BATCH })
        if (!count) break
        log.debug({ count }, 'events dispatched')
      }
    } while (isAgain && !isStopping)
  }

  function wake(): void {
    if (isStopping) return
    isAgain = true
    round ??= drain()
      .catch((error: unknown) => log.warn({ err: error }, 'events could not be dispatched; trying again soon'))
      .finally(() => {
        round = undefined
      })
  }

  const listener = await makeListener({
    connectionString,
    log,
    always: { dispatch_events: wake },
    // What was said while nobody listened is not repeated.
    onChange: (isListening) => {
      if (isListening) wake()
    },
  })
  const timer = setInterval(wake, intervalMs)
  return {
    async stop() {
      isStopping = true
      clearInterval(timer)
      await listener.close()
      await round
    },
  }
}
