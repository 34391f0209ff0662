import type pg from 'pg'
import { ConfigurationError, type Config } from '../config.ts'
import type { Logger } from '../log.ts'
import { startDispatcher } from './dispatcher.ts'
import { startJobRunner } from './jobRunner.ts'
import { makeMailer } from './mail/mailer.ts'
import { readTasks } from './readTasks.ts'

/** One connection listens for jobs, one looks after them; the others are for running them. */
const CONNECTIONS_ASIDE = 2

export interface WorkerDeps {
  config: Pick<Config, 'publicUrl' | 'smtpUrl' | 'mailFrom' | 'dataDir' | 'auditSealsFile'>
  /** Connections of freehold_worker with the key ring, three at least; the caller ends it after `stop`. */
  pool: pg.Pool
  logger: Logger
  /** Age of the server before which no other worker is taken for dead; 5 s, in which the living come back after its restart. */
  graceSeconds?: number
}

export interface RunningWorker {
  /** Resolves when the jobs that a dead process left behind are free again and the coming partitions are ordered. */
  readonly ready: Promise<void>
  /** Takes no more work, waits for the jobs under way and lets go of everything but the pool. */
  stop(): Promise<void>
}

/** Runs jobs, the clock and the dispatcher of events until `stop`. Signals are the caller's to handle. */
export async function runWorker({ config, pool, logger, graceSeconds }: WorkerDeps): Promise<RunningWorker> {
  const { connectionString, max } = pool.options
  if (connectionString === undefined) throw new Error('The pool of the worker was not made of a URL')
  if (max <= CONNECTIONS_ASIDE)
    throw new ConfigurationError([`POOL_SIZE is ${max}: a worker needs at least ${CONNECTIONS_ASIDE + 1}.`])
  const log = logger.child({ part: 'worker' })

  // Unheard, the loss of a connection that is lent out would end the process; whoever has it learns of it from the next query.
  const listenForErrors = (client: pg.PoolClient) => {
    client.on('error', (error) => log.warn({ err: error }, 'a connection in use was lost'))
  }
  pool.on('connect', listenForErrors)
  const mailer = makeMailer(config)
  const closers: (() => unknown)[] = [() => pool.off('connect', listenForErrors), mailer.close]
  const stop = async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close()
  }
  try {
    const taskList = await readTasks({ config, pool, mailer }, log)
    const jobs = await startJobRunner({
      pool,
      connectionString,
      log,
      taskList,
      concurrentJobs: max - CONNECTIONS_ASIDE,
      ...(graceSeconds !== undefined && { graceSeconds }),
    })
    closers.push(jobs.stop)
    const dispatcher = await startDispatcher({ connectionString, pool, log })
    closers.push(dispatcher.stop)
    const ready = (async () => {
      await jobs.ready
      await pool.query(`select graphile_worker.add_job('partitions__ensure', job_key => 'partitions__ensure')`)
    })()
    ready.catch(() => {})
    return { ready, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
