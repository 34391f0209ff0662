/** Work that is waited for in each caller's queue; what comes on top is refused. */
const QUEUE_LENGTH = 50
/** After work that took this long, as many times its length is left to everybody else. */
const REST = 2

/** Lets callers hold the loop one after the other. */
export interface Turns {
  /** Resolves when it is the caller's turn; the work has to be done before anything is awaited. Undefined when its queue is full. */
  take(caller: string): Promise<void> | undefined
}

/**
 * Reading and planning a document that nobody sent before holds the event loop for milliseconds. One such piece of work is done in
 * a turn of the loop, callers take turns, and in between the loop belongs to requests that have no such work. So what one caller
 * sends by the dozen delays its own requests, and others' by one piece at most.
 */
export function makeTurns(): Turns {
  // A Map keeps the order of insertion: the caller served last stands behind the others.
  const queues = new Map<string, (() => void)[]>()
  let isRunning = false

  function next(): void {
    const [entry] = queues
    if (!entry) {
      isRunning = false
      return
    }
    const [caller, queue] = entry
    queues.delete(caller)
    const start = queue.shift()!
    if (queue.length > 0) queues.set(caller, queue)
    const startedAt = performance.now()
    start()
    // The work runs in the microtasks of this turn; setImmediate comes after them.
    setImmediate(() => {
      const took = performance.now() - startedAt
      if (took < 1) next()
      else setTimeout(next, took * REST)
    })
  }

  return {
    take(caller) {
      const queue = queues.get(caller)
      if (queue && queue.length >= QUEUE_LENGTH) return undefined
      return new Promise((resolve) => {
        if (queue) queue.push(resolve)
        else queues.set(caller, [resolve])
        if (isRunning) return
        isRunning = true
        setImmediate(next)
      })
    },
  }
}
