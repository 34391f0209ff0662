/** Callers that are remembered; beyond, the one that was seen longest ago starts afresh. */
const CALLERS = 10_000
/** Share of a minute's units that may be used at once. */
const BURST = 0.1

/** What callers may use up of planning. */
export interface Allowances {
  /** Whether the caller has something left. */
  has(caller: string): boolean
  /** Takes units, below zero when the caller had less; the debt is worked off like everything else. */
  take(caller: string, units: number): void
}

/** A bucket for each caller that fills evenly. `now`: milliseconds of any clock. */
export function makeAllowances(perMinute: number, now: () => number = () => performance.now()): Allowances {
  const most = perMinute * BURST
  const buckets = new Map<string, { left: number; at: number }>()

  function bucketOf(caller: string): { left: number; at: number } {
    const at = now()
    const known = buckets.get(caller)
    const bucket = known
      ? { left: Math.min(most, known.left + ((at - known.at) * perMinute) / 60_000), at }
      : { left: most, at }
    buckets.delete(caller)
    buckets.set(caller, bucket)
    if (buckets.size > CALLERS) buckets.delete(buckets.keys().next().value!)
    return bucket
  }

  return {
    has: (caller) => bucketOf(caller).left > 0,
    take(caller, units) {
      bucketOf(caller).left -= units
    },
  }
}
