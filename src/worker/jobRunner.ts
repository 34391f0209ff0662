import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, type Runner, type TaskList, type WorkerEvents } from 'graphile-worker'
import type pg from 'pg'
import type { Logger } from '../log.ts'
import { showLiveness, unlockDeadPools, type Liveness } from './liveness.ts'
import { makeWorkerPreset } from './preset.ts'
import { endWhenDeaf, StuckError, untilStuck } from './progress.ts'

const UNLOCK_INTERVAL_MS = 15_000
const RESTART_PAUSE_MS = 1000

export interface JobRunnerDeps {
  pool: pg.Pool
  /** URL of the pool. */
  connectionString: string
  log: Logger
  taskList: TaskList
  concurrentJobs: number
  /** As {@link unlockDeadPools} has it. */
  graceSeconds?: number
}

export interface JobRunner {
  /** Jobs that were found locked by the dead are free again. */
  readonly ready: Promise<void>
  /** Takes no more jobs and waits for those under way. */
  stop(): Promise<void>
}

/**
 * Keeps graphile-worker running. It gives up by itself when it cannot write down how a job ended; then it is started again under
 * another name, and the job, which nobody knows the end of, runs again.
 */
export async function startJobRunner({
  pool,
  connectionString,
  log,
  taskList,
  concurrentJobs,
  graceSeconds,
}: JobRunnerDeps): Promise<JobRunner> {
  const stopping = new AbortController()
  let current: { runner: Runner; liveness: Liveness; over: Promise<void> } | undefined
  let restarting: Promise<void> | undefined

  async function begin(): Promise<void> {
    const liveness = showLiveness({ connectionString, log })
    try {
      const events: WorkerEvents = new EventEmitter()
      const stuck = untilStuck(events)
      endWhenDeaf(events)
      const runner = await run({
        pgPool: pool,
        noHandleSignals: true,
        taskList,
        preset: makeWorkerPreset({ log, liveness, concurrentJobs, events }),
      })
      const over = Promise.race([runner.promise, stuck])
      current = { runner, liveness, over }
      void over
        .then(
          () => undefined,
          (error: unknown) => error,
        )
        .then((error) => {
          if (stopping.signal.aborted) return
          // One that is stuck still has its clock; nothing else of it is left to stop.
          if (error instanceof StuckError) runner.stop().catch(() => {})
          log.error({ err: error }, 'graphile-worker gave up; starting it again')
          current = undefined
          restarting = restart(liveness).finally(() => {
            restarting = undefined
          })
        })
    } catch (error) {
      await liveness.close()
      throw error
    }
  }

  async function restart(last: Liveness): Promise<void> {
    await last.close()
    for (let isRunning = false; !isRunning;) {
      await sleep(RESTART_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      isRunning = await begin().then(
        () => true,
        (error: unknown) => {
          log.warn({ err: error }, 'graphile-worker could not be started; trying again soon')
          return false
        },
      )
    }
    await lookForDead()
  }

  async function unlock(): Promise<void> {
    const poolIds = await unlockDeadPools(pool, graceSeconds)
    if (poolIds.length > 0) log.warn({ poolIds }, 'workers died; their jobs run again')
  }

  const lookForDead = () =>
    unlock().catch((error: unknown) => log.warn({ err: error }, 'jobs of dead workers could not be looked for'))

  await begin()
  const timer = setInterval(() => void lookForDead(), UNLOCK_INTERVAL_MS)
  const ready = unlock()
  ready.catch(() => {})

  return {
    ready,
    async stop() {
      stopping.abort()
      clearInterval(timer)
      await restarting
      if (!current) return
      // Fails when it has just given up by itself; `over` says what of. It never ends when it is stuck, and `over` does.
      current.runner.stop().catch(() => {})
      await current.over.catch((error: unknown) => log.error({ err: error }, 'graphile-worker did not stop cleanly'))
      await current.liveness.close()
    },
  }
}
