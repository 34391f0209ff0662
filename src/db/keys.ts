import type pg from 'pg'
import { NEEDS_KEYS } from '../../generated/types/functions.ts'
import type { Keyring } from '../config.ts'
import { inTransaction } from './inTransaction.ts'

/**
 * Who gets the key ring, and when. A pool remembers it; a call of a function that needs it (NEEDS_KEYS, from the catalog) is lent it as
 * the transaction-local setting app.keyring, and nothing else ever has it. Even there it is wrapped with a key that lies in the
 * database and that app_user may not read.
 */
interface Ring {
  readonly text: string
  wrapped?: Promise<string>
}
const rings = new WeakMap<pg.Pool, Ring>()

type Setting = readonly [name: 'app.keyring', value: string]

export function rememberKeyring(pool: pg.Pool, { current, keys }: Keyring): void {
  rings.set(pool, { text: JSON.stringify({ current, keys }) })
}

/** Statements that were looked through; the API sends the same ones again and again. */
const known = new Map<string, boolean>()
const KNOWN_MAX = 1000

/** Whether a statement calls a function that needs the ring. Values are never part of a statement's text. */
export function needsKeys(text: string): boolean {
  let needs = known.get(text)
  if (needs === undefined) {
    const calls = text.matchAll(/\b"?(app_public|app_private)"?[.]"?(\w+)"?\s*[(]/g)
    needs = calls.some(([, schema, name]) => NEEDS_KEYS.has(`${schema}.${name}`))
    if (known.size >= KNOWN_MAX) known.clear()
    known.set(text, needs)
  }
  return needs
}

/** The setting to run a statement under: one when it needs the ring and the pool has it, else none. */
export async function keysFor(pool: pg.Pool, text: string): Promise<readonly Setting[]> {
  const ring = rings.get(pool)
  return ring && needsKeys(text) ? [['app.keyring', await wrapped(pool, ring)]] : []
}

/** Lends the open transaction of `client` what {@link keysFor} found, before it was begun: finding may take another connection. */
export async function lendKeys(client: pg.ClientBase, settings: readonly Setting[]): Promise<void> {
  for (const setting of settings) await client.query('select set_config($1, $2, true)', [...setting])
}

/** The pool, as what sends single statements that may need the ring, each in a transaction of its own. */
export function lendingKeys(pool: pg.Pool) {
  return {
    async query(statement: string | pg.QueryConfig, values?: unknown[]): Promise<{ rows: any[]; rowCount: number }> {
      const config = typeof statement === 'string' ? { text: statement, values: values ?? [] } : statement
      const keys = await keysFor(pool, config.text)
      return await inTransaction(pool, async (client) => {
        await lendKeys(client, keys)
        const { rows, rowCount } = await client.query(config)
        return { rows, rowCount: rowCount ?? rows.length }
      })
    },
  }
}

/** Asked once a pool, and again after it failed. */
function wrapped(pool: pg.Pool, ring: Ring): Promise<string> {
  ring.wrapped ??= pool
    .query<{ ring: string }>('select app_private.wrap_keyring($1) as ring', [ring.text])
    .then(({ rows }) => rows[0]!.ring)
    .catch((error: unknown) => {
      delete ring.wrapped
      throw error
    })
  return ring.wrapped
}
