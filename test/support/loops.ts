/** How often a loop goes round, and what one round is, in the plural. */
export interface Rounds {
  /** In `npm test`: enough to notice what is plainly broken. */
  readonly short: number
  /** In `npm run prove`: enough to notice what is rare. */
  readonly full: number
  readonly of: string
}

/** Set by test/support/prove.config.js. */
const isFull = process.env.PROVE === 'full'
const FULL_TIMEOUT_MS = 3_600_000

/**
 * A test that tries something many times: kills, restarts, races, made-up input. `npm test` runs its short form among all others,
 * `npm run prove` the full form of the loops alone, and prints what each tried.
 */
export function loop(title: string, rounds: Rounds, body: (count: number) => Promise<void>, timeoutMs = 60_000): void {
  if (!isFull) return test(title, () => body(rounds.short), timeoutMs)
  test.only(
    title,
    async () => {
      const started = performance.now()
      await body(rounds.full)
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      process.stdout.write(`held    ${title}: ${rounds.full} ${rounds.of} in ${seconds} s\n`)
    },
    FULL_TIMEOUT_MS,
  )
}
