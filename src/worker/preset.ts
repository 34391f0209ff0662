import { WorkerPreset, type WorkerEvents } from 'graphile-worker'
import { join } from 'node:path'
import type { Logger } from '../log.ts'
import type { Liveness } from './liveness.ts'
import { makeWorkerLogger } from './workerLogger.ts'

export interface WorkerPresetDeps {
  log: Logger
  liveness: Liveness
  /** Jobs at once in this process. */
  concurrentJobs: number
  events: WorkerEvents
}

/** How graphile-worker runs here. */
export function makeWorkerPreset({ log, liveness, concurrentJobs, events }: WorkerPresetDeps): GraphileConfig.Preset {
  return {
    extends: [WorkerPreset],
    plugins: [livenessPlugin(liveness)],
    worker: {
      concurrentJobs,
      events,
      crontabFile: join(import.meta.dirname, 'crontab'),
      logger: makeWorkerLogger(log),
      // Without these two, stopping with a job in flight leaves its row locked.
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  }
}

/** No worker asks for a job before its pool has shown that it lives. */
function livenessPlugin(liveness: Liveness): GraphileConfig.Plugin {
  return {
    name: 'FreeholdLivenessPlugin',
    version: '1.0.0',
    worker: {
      hooks: {
        startWorker: (_ctx, { worker }) => liveness.show(worker.workerPool.id),
      },
    },
  }
}
