import pg from 'pg'
import { withTenant, type Claims } from '../../src/db/withTenant.ts'
import type { TestDatabase } from '../support/database.ts'

/** What a request presents; a string is the token alone. */
export type Bearer =
  | string
  | null
  | {
      readonly token: string | null
      /** X-Tenant. */
      readonly tenant?: string | null
      /** Null when it is not known; an address when left out. */
      readonly ip?: string | null
      readonly requestId?: string
    }

/** Claims of a request, as the server gets them; rejects when the bearer is refused. */
export async function authenticate(database: TestDatabase, bearer: Bearer): Promise<Claims & { cacheable: boolean }> {
  const { token, tenant, ip, requestId } = typeof bearer === 'object' && bearer !== null ? bearer : { token: bearer }
  const { rows } = await database.authenticator.query('select app_private.authenticate($1, $2, $3, $4, $5) as claims', [
    token,
    tenant ?? null,
    ip === undefined ? '192.0.2.1' : ip,
    'jest',
    requestId ?? 'request-1',
  ])
  return rows[0].claims
}

/** Rows of one statement, run as a request would run it: authenticated, then in a transaction with role and claims. */
export async function ask<T = any>(
  database: TestDatabase,
  bearer: Bearer,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const claims = await authenticate(database, bearer)
  return withTenant(database.authenticator, claims, async (client) => (await client.query(sql, values)).rows as T[])
}

/** The one row that `ask` must give. */
export async function askOne<T = any>(
  database: TestDatabase,
  bearer: Bearer,
  sql: string,
  values: unknown[] = [],
): Promise<T> {
  const rows = await ask<T>(database, bearer, sql, values)
  if (rows.length !== 1) throw new Error(`${rows.length} rows of ${sql}`)
  return rows[0]!
}

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

/** Counters have fixed windows that end with the minute; what counts must not straddle that. */
export async function insideOneMinute(seconds = 8): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000)
  if (left < seconds * 1000) await new Promise((resolve) => setTimeout(resolve, left + 50))
}
