import type pg from 'pg'
import type { JobHelpers, Task } from 'graphile-worker'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { withoutSecrets, type Logger } from '../log.ts'
import type { Mailer } from './mail/mailer.ts'

/** What the tasks share. */
export interface TaskDeps {
  config: Pick<Config, 'publicUrl' | 'auditSealsFile'>
  /** Connections of freehold_worker that carry the key ring. */
  pool: pg.Pool
  mailer: Mailer
}

/** What one run of a task is given. */
export interface TaskContext extends TaskDeps {
  /** Names the task and the job in every line. */
  log: Logger
  jobId: string
  /** Aborts when the worker has waited long enough for the end of this job. */
  signal: AbortSignal
}

/** The default export of a file in tasks/, whose name is the task's identifier. */
export interface TaskDefinition {
  /** The task as graphile-worker calls it. */
  bind(deps: TaskDeps, log: Logger): Task
}

/**
 * Joins a payload's shape with the work it asks for. A payload of another shape fails the job, as whatever `run` throws does; it is
 * then tried again with growing pauses, 25 times. Returning means done, also when there was nothing left to do.
 */
export function defineTask<T extends z.ZodType>(
  payload: T,
  run: (payload: z.output<T>, context: TaskContext) => Promise<void>,
): TaskDefinition {
  return {
    bind:
      (deps, log) =>
      async (given: unknown, { job, abortSignal }: JobHelpers) => {
        const parsed = payload.safeParse(given)
        if (!parsed.success) throw new Error(`The payload has another shape: ${z.prettifyError(parsed.error)}`)
        const context = {
          ...deps,
          jobId: job.id,
          signal: abortSignal,
          log: log.child({ task: job.task_identifier, jobId: job.id }),
        }
        try {
          await run(parsed.data, context)
        } catch (error) {
          throw withoutSecretsIn(error)
        }
      },
  }
}

/** graphile-worker keeps the message in its table, where no secret belongs. */
function withoutSecretsIn(error: unknown): unknown {
  if (!(error instanceof Error)) return new Error(withoutSecrets(String(error)))
  const message = withoutSecrets(error.message)
  return message === error.message ? error : new Error(message)
}
