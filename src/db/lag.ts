import type pg from 'pg'
import type { Logger } from '../log.ts'
import { call } from './call.ts'

const INTERVAL_MS = 30_000

/** Seconds by what lags: `transaction`, `outbox`, `seals`; empty until it was measured. See app_private.measure_lag. */
export type Lag = Readonly<Record<string, number>>

export interface LagWatch {
  readonly current: Lag
  /** Measures now; rejects when the database does not answer. */
  measure(): Promise<void>
  stop(): Promise<void>
}

/**
 * Measures every half minute how long the database's work waits for older transactions, and warns with code `LAG_TRANSACTION`,
 * `LAG_OUTBOX` or `LAG_SEALS`, once when it became too long and once when that is over.
 */
export function watchLag({
  pool,
  log,
  intervalMs = INTERVAL_MS,
}: {
  pool: pg.Pool
  log: Logger
  intervalMs?: number
}): LagWatch {
  const alarmed = new Set<string>()
  let current: Lag = {}
  let round: Promise<void> | undefined

  async function measure(): Promise<void> {
    const rows = await call(pool, 'app_private.measure_lag')
    current = Object.fromEntries(rows.map(({ name, seconds }) => [name!, Math.round(seconds! * 10) / 10]))
    for (const { name, seconds, limit_seconds, detail } of rows) {
      const isOver = seconds! > limit_seconds!
      if (isOver === alarmed.has(name!)) continue
      const facts = { code: `LAG_${name!.toUpperCase()}`, seconds: Math.round(seconds!), limit: limit_seconds, detail }
      if (isOver) {
        alarmed.add(name!)
        log.warn(facts, 'the database lags')
      } else {
        alarmed.delete(name!)
        log.info(facts, 'the database lags no more')
      }
    }
  }

  const tick = () => {
    round ??= measure()
      .catch((error: unknown) => log.warn({ err: error }, 'lag could not be measured'))
      .finally(() => {
        round = undefined
      })
  }
  const timer = setInterval(tick, intervalMs)
  timer.unref()
  tick()
  return {
    get current() {
      return current
    },
    measure,
    async stop() {
      clearInterval(timer)
      await round
    },
  }
}
