/** Work that waits in each caller's line; what comes on top is refused. */
const LENGTH = 50
/** After work that took this long, as many times its length passes before the same caller's next. */
const REST = 2

/** Lets callers hold the loop one after the other. */
export interface Turns {
  /** Resolves when it is the caller's turn; the work has to be done before anything is awaited. Undefined when its line is full. */
  take(caller: string): Promise<void> | undefined
}

interface Line {
  readonly waiting: (() => void)[]
  readyAt: number
}

/**
 * Reading and planning a document that nobody sent before holds the event loop for milliseconds. One such piece of work is done in
 * a turn of the loop, callers take turns, and each rests after its own. So what one caller sends by the dozen delays its own
 * requests, and others' by a piece now and then.
 */
export function makeTurns({ length = LENGTH }: { length?: number } = {}): Turns {
  // A Map keeps the order of insertion: the caller served last stands behind the others.
  const lines = new Map<string, Line>()
  let isServing = false
  let timer: NodeJS.Timeout | undefined

  function next(): void {
    const now = performance.now()
    let soonest = Infinity
    for (const [caller, line] of lines) {
      if (line.readyAt > now) {
        if (line.waiting.length > 0) soonest = Math.min(soonest, line.readyAt)
        continue
      }
      lines.delete(caller)
      const start = line.waiting.shift()
      if (!start) continue
      lines.set(caller, line)
      start()
      // The work is done in the microtasks of this turn; setImmediate comes after them.
      setImmediate(() => {
        const end = performance.now()
        line.readyAt = end + (end - now) * REST
        next()
      })
      return
    }
    isServing = false
    if (soonest < Infinity) timer = setTimeout(serve, soonest - now)
  }

  function serve(): void {
    clearTimeout(timer)
    isServing = true
    setImmediate(next)
  }

  return {
    take(caller) {
      let line = lines.get(caller)
      if (!line) lines.set(caller, (line = { waiting: [], readyAt: 0 }))
      const { waiting } = line
      if (waiting.length >= length) return undefined
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (!isServing) serve()
      })
    },
  }
}
