/** Counts what callers and addresses hold, each up to the same number. */
export interface Tally {
  /** Whether one of these names holds as much as it may. */
  isFull(names: readonly string[]): boolean
  /** Counts one for each name; the answer takes it back, once however often it is called. */
  take(names: readonly string[]): () => void
}

export function makeTally(most: number): Tally {
  const held = new Map<string, number>()
  const change = (name: string, by: number) => {
    const count = (held.get(name) ?? 0) + by
    if (count === 0) held.delete(name)
    else held.set(name, count)
  }
  return {
    isFull: (names) => names.some((name) => (held.get(name) ?? 0) >= most),
    take(names) {
      for (const name of names) change(name, 1)
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        for (const name of names) change(name, -1)
      }
    },
  }
}
