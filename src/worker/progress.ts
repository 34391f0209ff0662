import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker, WorkerEvents, WorkerPool } from 'graphile-worker'

/** How long graphile-worker may take to shut down when none of its jobs is under way any more. */
const SHUTDOWN_PATIENCE_MS = 3000
/** Failed attempts in a row to ask for a job, two seconds between them, before the pool is given up. */
const DEAF_AFTER = 3

/** graphile-worker began to shut down, has no job under way, and does not come to an end. */
export class StuckError extends Error {
  override readonly name = 'StuckError'
}

/**
 * Rejects with a StuckError, and never resolves. graphile-worker's batches count what waits for the database, and when the ends of two
 * jobs cannot be written down the count falls below zero: its shutdown then waits for zero for ever, with nothing left to do.
 */
export function untilStuck(events: WorkerEvents): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  events.on('pool:gracefulShutdown', ({ workerPool }: { workerPool: WorkerPool }) => {
    const workers = [...workerPool._workers]
    void (async () => {
      await Promise.allSettled(workers.map((worker) => worker.promise))
      const hasEnded = await Promise.race([
        workerPool.promise.then(
          () => true,
          () => true,
        ),
        sleep(SHUTDOWN_PATIENCE_MS, false, { ref: false }),
      ])
      if (!hasEnded) reject(new StuckError('graphile-worker did not end its shutdown'))
    })()
  })
  return promise
}

/**
 * Shuts a pool down, its jobs under way included, when a worker of it could not ask for a job several times in a row. graphile-worker
 * looks its tasks up once and keeps the answer, the failure too: when the connection is lost in that moment, every attempt after it fails
 * with the same error, though the database is long back.
 */
export function endWhenDeaf(events: WorkerEvents): void {
  const failures = new WeakMap<Worker, number>()
  const hear = ({ worker }: { worker: Worker }) => void failures.delete(worker)
  events.on('worker:getJob:empty', hear)
  events.on('job:start', hear)
  events.on('worker:getJob:error', ({ worker }: { worker: Worker }) => {
    const count = (failures.get(worker) ?? 0) + 1
    failures.set(worker, count)
    const { workerPool } = worker
    if (count < DEAF_AFTER || workerPool._shuttingDown) return
    // What it ended for is told by the runner's promise.
    void Promise.resolve(workerPool.gracefulShutdown('No job could be asked for')).catch(() => {})
  })
}
