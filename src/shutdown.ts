/** What must be closed at the end, in order. */
export interface Shutdown {
  /** Registers a step; steps run in reverse order of registration, one after the other. */
  add(name: string, close: () => unknown): void
  /** Runs the steps; every call gets the same promise, which never rejects. False when a step failed or took too long. */
  run(reason: string): Promise<boolean>
  /** Runs on SIGTERM and SIGINT and ends the process, with 0 when all went well. A second signal ends it at once, with 130. */
  onSignals(): void
}

/** `stepTimeoutMs`: how long one step may take before the next begins; default 10 000. */
export interface ShutdownOptions {
  readonly log?: (line: string, error?: unknown) => void
  readonly stepTimeoutMs?: number
}

/** An orderly end. What is opened first is closed last: pools outlive the server that uses them, the database outlives the pools. */
export function createShutdown({ log = () => {}, stepTimeoutMs = 10_000 }: ShutdownOptions = {}): Shutdown {
  const steps: { name: string; close: () => unknown }[] = []
  let running: Promise<boolean> | undefined

  async function runAll(reason: string): Promise<boolean> {
    log(`Stopping: ${reason}.`)
    let isClean = true
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await within(stepTimeoutMs, step.close)
      } catch (error) {
        isClean = false
        log(`Stopping ${step.name} failed.`, error)
      }
    }
    return isClean
  }
  const run = (reason: string) => (running ??= runAll(reason))

  return {
    add: (name, close) => void steps.push({ name, close }),
    run,
    onSignals() {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.on(signal, () => {
          if (running) process.exit(130)
          void run(signal).then((isClean) => process.exit(isClean ? 0 : 1))
        })
      }
    },
  }
}

async function within(timeoutMs: number, close: () => unknown): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs)
  try {
    await Promise.race([(async () => close())(), promise])
  } finally {
    clearTimeout(timer)
  }
}
