import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../errorCode.ts'

/** Somebody holds a table for longer than we wait, or waits for us while we wait for them: not for ever. */
const PASSING = new Set(['55P03', '40P01'])
const ATTEMPTS = 12

/**
 * Does `work` again when others had the tables; it is one that leaves nothing half done, or goes on where it ended. Giving up would leave
 * migrations that the release that runs does not know.
 */
export async function untilFree<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!PASSING.has(errorCode(error) ?? '') || attempt === ATTEMPTS) throw error
      await sleep(100 * attempt)
    }
  }
}
