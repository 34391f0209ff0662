import type pg from 'pg'
import { call } from '../db/call.ts'
import type { Claims } from '../db/withTenant.ts'
import { mapDatabaseError } from '../errors.ts'
import type { Logger } from '../log.ts'

/** Refusals that are on their way to the database at once; what comes on top is a flood, and not worth a connection. */
const MAX_PENDING = 20

export interface RefusalLog {
  /**
   * Writes to the audit log that a request was refused, when that is what the error means: 401 of somebody who showed a token, or 403.
   * Returns at once; what is thrown again after the first time is not written twice.
   */
  note(error: unknown, claims: Claims, presented: { hasToken: boolean }): void
  /** Waits for what is on its way. */
  close(): Promise<void>
}

/** The one place where refusals are written down, in a transaction of their own, since the refused one is gone. */
export function makeRefusalLog({ pool, log }: { pool: pg.Pool; log: Logger }): RefusalLog {
  const pending = new Set<Promise<unknown>>()
  const noted = new WeakSet<object>()

  return {
    note(error, claims, { hasToken }) {
      const shown = mapDatabaseError(error)
      if (!shown || !(shown.httpStatus === 403 || (shown.httpStatus === 401 && hasToken))) return
      if (typeof error === 'object' && error !== null) {
        if (noted.has(error)) return
        noted.add(error)
      }
      if (pending.size >= MAX_PENDING) return
      const work = call(pool, 'app_private.log_refusal', { claims, code: shown.code, status: shown.httpStatus })
        .catch((failure: unknown) =>
          log.error({ err: failure, code: shown.code }, 'a refusal could not be written down'),
        )
        .finally(() => pending.delete(work))
      pending.add(work)
    },
    async close() {
      await Promise.all(pending)
    },
  }
}
