/** The middle of the values, the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]]
  if (low === undefined || high === undefined) throw new Error('No value, no median')
  return (low + high) / 2
}

/**
 * Measures two things by turns, and the turns change sides, so that what else the machine does meets both alike.
 * @returns one pair a round.
 */
export async function byTurns<T>(rounds: number, a: () => Promise<T>, b: () => Promise<T>): Promise<[T, T][]> {
  const pairs: [T, T][] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await a()
      pairs.push([first, await b()])
    } else {
      const first = await b()
      pairs.push([await a(), first])
    }
  }
  return pairs
}

/** Calls a second of `work`, done one after the other for `ms`. */
export async function speedOf(ms: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  let calls = 0
  let elapsed = 0
  for (; elapsed < ms; elapsed = performance.now() - start) {
    await work()
    calls++
  }
  return (calls * 1000) / elapsed
}

/** The value below which the share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]
  if (value === undefined) throw new Error('No value, no quantile')
  return value
}
