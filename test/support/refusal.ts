import pg from 'pg'

/** What the database said no with; rejects when it did not say no. `code` is the finer code of our own errors, else the constraint. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ sqlstate: string; code: string } & Record<string, unknown>> {
  const error = await promise.then(
    () => new Error('It was not refused'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof pg.DatabaseError)) throw error
  const detail = error.code?.startsWith('FH') ? (JSON.parse(error.detail ?? '{}') as Record<string, unknown>) : {}
  return { sqlstate: error.code!, code: error.constraint ?? '', ...detail }
}
