import type { Express } from 'express'
import type pg from 'pg'
import { isMigrated } from '../../../generated/queries/health.ts'
import type { Lag } from '../../db/lag.ts'
import type { Logger } from '../../log.ts'

/** How long the database may take to answer before it counts as unreachable. */
const PATIENCE_MS = 2000

export interface HealthDeps {
  pool: pg.Pool
  log: Logger
  /** True while notifications are heard. */
  isListening: () => boolean
  /** True from the moment the server stops taking work. */
  isClosing: () => boolean
  /** What was measured last, in seconds. */
  lag: () => Lag
}

/**
 * /healthz: the process answers. /readyz: it can do its work; 503 names what is missing. Lag is told beside it and makes nothing
 * unready: another process would lag as much.
 */
export function installHealth(app: Express, { pool, log, isListening, isClosing, lag }: HealthDeps): void {
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' })
  })
  app.get('/readyz', async (_req, res) => {
    const state = await within(PATIENCE_MS, isDeployed(pool)).catch((error: unknown) => {
      log.warn({ err: error }, 'database is not ready')
      return undefined
    })
    const checks = {
      database: state !== undefined,
      schema: state === true,
      listener: isListening(),
      accepting: !isClosing(),
    }
    const isReady = Object.values(checks).every(Boolean)
    res.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not ready', checks, lag: lag() })
  })
}

/** Migrations and functions are there when the last thing of a deploy that this role may see is. */
async function isDeployed(pool: pg.Pool): Promise<boolean> {
  const [row] = await isMigrated.run(undefined, pool)
  return row?.isMigrated === true
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
