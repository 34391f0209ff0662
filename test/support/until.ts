/** Looks again so often while it waits, milliseconds. */
const PAUSE_MS = 10

/** Waits until `check` gives something true, and gives it; ten seconds at most unless told otherwise. */
export async function until<T>(
  check: () => T | Promise<T>,
  patienceMs = 10_000,
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  for (const deadline = Date.now() + patienceMs; ;) {
    const result = await check()
    if (result) return result as Exclude<T, false | 0 | '' | null | undefined>
    if (Date.now() > deadline) throw new Error(`not in time: ${check}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
