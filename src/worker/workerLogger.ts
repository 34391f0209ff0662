import { Logger as WorkerLogger } from 'graphile-worker'
import { withoutSecrets, type Logger } from '../log.ts'

const METHOD = { error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const

/** What graphile-worker says of a finished job beside its sentence. */
interface Meta {
  job?: { id: string; task_identifier: string; attempts: number; max_attempts: number }
  duration?: number
  error?: unknown
  success?: boolean
  failure?: boolean
}

/** graphile-worker's words in our log: one line a job, in fields; payloads stay out of it. */
export function makeWorkerLogger(log: Logger): WorkerLogger {
  return new WorkerLogger((scope) => (level, message, meta) => {
    const { job, duration, error, success, failure } = (meta ?? {}) as Meta
    if (job && (success || failure)) {
      const fields = { task: job.task_identifier, jobId: job.id, attempt: job.attempts, ms: Math.round(duration ?? 0) }
      if (success) log.info(fields, 'job done')
      else log.error({ ...fields, maxAttempts: job.max_attempts, err: error }, 'job failed')
      return
    }
    // Its greeting is no news for an operator.
    const method = level === 'info' ? 'debug' : METHOD[level as keyof typeof METHOD]
    log[method]({ ...scope, ...(error !== undefined && { err: error }) }, withoutSecrets(message))
  })
}
