import type { Bench } from './openBench.ts'

/** One line of the result: a ratio measured several times. */
export interface Measure {
  /** What was compared; the row's name stands before it. */
  readonly label: string
  /** One ratio a round, all of the same two things. */
  readonly ratios: readonly number[]
  /** False for what explains a result and has no budget. */
  readonly isCounted?: boolean
  /** Facts worth a few words beside the numbers, such as the number of rows. */
  readonly note?: string
}

/** A promise about speed. Every file of rows/ exports one as `row`; its file's name is how it is asked for. */
export interface Row {
  readonly name: string
  /** The sentence of the promise. */
  readonly promise: string
  readonly budget: number
  /** Whether the median must be at least or at most the budget. */
  readonly direction: 'at least' | 'at most'
  run(bench: Bench): Promise<readonly Measure[]>
}
