import pg from 'pg'
import type { TestDatabase } from './database.ts'

/** Hears a channel. `heard()` is everything that was sent before it was called: a mark sent through the same queue comes last. */
export async function listen(
  database: TestDatabase,
  channel: string,
): Promise<{ heard(): Promise<string[]>; close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: database.urls.superuser })
  // A test that fails leaves it open until its database is dropped.
  client.on('error', () => {})
  await client.connect()
  await client.query(`listen ${client.escapeIdentifier(channel)}`)
  let payloads: string[] = []
  let marks = 0
  let onMark: { payload: string; came: () => void } | undefined
  client.on('notification', ({ payload = '' }) =>
    payload === onMark?.payload ? onMark.came() : payloads.push(payload),
  )
  return {
    async heard() {
      const payload = `mark ${(marks += 1)}`
      const came = new Promise<void>((resolve) => {
        onMark = { payload, came: resolve }
      })
      await client.query('select pg_notify($1, $2)', [channel, payload])
      await came
      const heard = payloads
      payloads = []
      return heard
    },
    close: () => client.end(),
  }
}
