import pg from 'pg'
import type { PgClient, PgClientQuery, PgClientResult, WithPgClient } from 'postgraphile/@dataplan/pg'

/**
 * Claims and query in one round trip.
 *
 * The stock adaptor sends begin, set_config, query and commit and waits for each. Here a prepared `set_config` portal is
 * executed before the query's own under a single Sync. PostgreSQL runs what stands before a Sync as one implicit transaction
 * (protocol, "Pipelining"), so transaction-local settings hold for the query and are gone after it, and an error in either
 * undoes both. One statement only: whatever asks for a transaction gets the stock one.
 */
import { keysFor } from '../db/keys.ts'
import type { Claims } from '../db/withTenant.ts'
import { isDatabaseError, ServerError } from '../errors.ts'
import { poolFor } from './hashingLane.ts'

type PgNotice = NonNullable<PgClientResult<unknown>['notices']>[number]

/** Prepared statements kept on a connection; the one unused for longest makes room. */
const STATEMENTS_KEPT = 200

/** The parts of pg's connection that a query class may use (pg 8: lib/connection.js). */
interface Connection {
  parsedStatements: Record<string, string | undefined>
  submittedNamedStatements: Record<string, string | undefined>
  parse(message: { name: string; text: string }): void
  bind(message: {
    portal: string
    statement: string
    values: readonly (string | null)[]
    valueMapper: (value: unknown) => unknown
  }): void
  execute(message: { portal: string }): void
  close(message: { type: 'S'; name: string }): void
}

interface QueryConfig {
  text: string
  values: unknown[]
  name?: string
  rowMode?: 'array'
}

type QueryCallback = (error: Error | null, result?: pg.QueryArrayResult) => void

/** What a query class is given by the client (pg 8: lib/query.js); the published types leave it out. */
interface ExtendedQuery {
  name?: string
  queryMode?: string
  prepare(connection: Connection): void
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: Connection): void
  handleError(error: Error, connection: Connection): void
}
const Query = pg.Query as unknown as new (
  config: QueryConfig,
  values: undefined,
  callback: QueryCallback,
) => ExtendedQuery

type Setting = readonly [name: string, value: string]

const settingStatements = new Map<string, { name: string; text: string }>()

/** The statement that sets these settings; made once for each list of names, which the server chooses, not the client. */
function settingStatement(settings: readonly Setting[]): { name: string; text: string } {
  const key = settings.map(([name]) => name).join(',')
  let statement = settingStatements.get(key)
  if (!statement) {
    const bad = settings.find(([name]) => !/^[a-z_]+([.][a-z_]+)?$/.test(name))
    if (bad) throw new Error(`"${bad[0]}" is not the name of a setting`)
    const calls = settings.map(([name], index) => `set_config('${name}', $${index + 1}, true)`)
    statement = { name: `claims_${settingStatements.size + 1}`, text: `select ${calls.join(', ')}` }
    settingStatements.set(key, statement)
  }
  return statement
}

/** Names of each connection's prepared statements, least recently used first. */
const statementsOf = new WeakMap<Connection, Set<string>>()

function touch(connection: Connection, name: string): void {
  let names = statementsOf.get(connection)
  if (!names) statementsOf.set(connection, (names = new Set()))
  names.delete(name)
  names.add(name)
  if (names.size <= STATEMENTS_KEPT) return
  const [oldest] = names
  names.delete(oldest!)
  connection.close({ type: 'S', name: oldest! })
  delete connection.parsedStatements[oldest!]
}

class ClaimedQuery extends Query {
  readonly #settings: readonly Setting[]
  readonly #statement: { name: string; text: string }
  #claimsAreSet = false

  constructor(config: QueryConfig, settings: readonly Setting[], callback: QueryCallback) {
    super(config, undefined, callback)
    this.queryMode = 'extended'
    this.#settings = settings
    this.#statement = settingStatement(settings)
  }

  override prepare(connection: Connection): void {
    const { name, text } = this.#statement
    touch(connection, name)
    if (this.name) touch(connection, this.name)
    if (connection.parsedStatements[name] === undefined) {
      // Closing what may not exist is allowed, and makes a name free whose fate an earlier error left open.
      connection.close({ type: 'S', name })
      connection.parse({ name, text })
      connection.parsedStatements[name] = text
    }
    connection.bind({
      portal: '',
      statement: name,
      values: this.#settings.map(([, value]) => value),
      valueMapper: (value) => value,
    })
    connection.execute({ portal: '' })
    if (this.name && connection.parsedStatements[this.name] === undefined)
      connection.close({ type: 'S', name: this.name })
    super.prepare(connection)
  }

  override handleDataRow(message: unknown): void {
    if (this.#claimsAreSet) super.handleDataRow(message)
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#claimsAreSet) super.handleCommandComplete(message, connection)
    else this.#claimsAreSet = true
  }

  override handleError(error: Error, connection: Connection): void {
    // After an error nobody knows which Parse got through (pg counts any ParseComplete for the query's own name): forget
    // both, the next use closes and parses again.
    for (const name of [this.#statement.name, this.name]) {
      if (!name) continue
      delete connection.parsedStatements[name]
      delete connection.submittedNamedStatements[name]
    }
    super.handleError(error, connection)
  }
}

/**
 * Runs one statement under transaction-local settings, in one round trip.
 * Rejects with the server's error, after which the connection is good again; on anything else it is thrown away.
 */
export async function claimedQuery<T>(
  pool: pg.Pool,
  settings: readonly Setting[],
  query: PgClientQuery,
): Promise<PgClientResult<T>> {
  const client = await pool.connect()
  const notices: PgNotice[] = []
  const onNotice = (notice: {
    severity?: string | undefined
    message?: string | undefined
    code?: string | undefined
    detail?: string | undefined
    hint?: string | undefined
  }) => notices.push({ ...notice, severity: notice.severity ?? 'NOTICE', message: notice.message ?? '' } as PgNotice)
  // A connection that dies while it is out of the pool emits; unheard, that would end the process.
  const onError = () => {}
  client.on('notice', onNotice)
  client.on('error', onError)
  let broken: Error | undefined
  try {
    const result = await new Promise<pg.QueryArrayResult>((resolve, reject) => {
      const config: QueryConfig = {
        text: query.text,
        values: query.values ?? [],
        ...(query.name !== undefined && { name: query.name }),
        ...(query.arrayMode && { rowMode: 'array' as const }),
      }
      const callback: QueryCallback = (error, rows) => (error ? reject(error) : resolve(rows!))
      client.query(new ClaimedQuery(config, settings, callback) as unknown as pg.Submittable)
    })
    return { rows: result.rows as T[], rowCount: result.rowCount, notices }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.severity === 'FATAL') broken = error as Error
    throw error
  } finally {
    client.off('notice', onNotice)
    client.off('error', onError)
    client.release(broken)
  }
}

/**
 * The service with single statements done by claimedQuery, those that hash on the connections of `hashingPool`. Transactions and
 * everything without settings go the stock way.
 */
export function withClaimedQueries(
  service: GraphileConfig.PgServiceConfiguration,
  pool: pg.Pool,
  onError?: (error: unknown, claims: Claims) => void,
  hashingPool = pool,
): GraphileConfig.PgServiceConfiguration {
  const { adaptor } = service
  surviveLostConnections(pool)
  const createWithPgClient: typeof adaptor.createWithPgClient = async (adaptorSettings, variant) => {
    const stock = await adaptor.createWithPgClient(adaptorSettings, variant)
    if (variant === 'SUPERUSER') return stock
    const claimed = async <T>(
      pgSettings: Record<string, string | undefined> | null,
      callback: (client: PgClient) => T | Promise<T>,
    ): Promise<T> => {
      const settings = Object.entries(pgSettings ?? {}).flatMap(([name, value]) =>
        value == null ? [] : [[name, String(value)] as const],
      )
      if (settings.length === 0) return stock(pgSettings, callback as never)
      const client: PgClient = {
        query: async (query) => {
          // The role comes last, see settingsOf.
          const all = [...(await keysFor(pool, query.text)), ...settings]
          return claimedQuery(poolFor(query.text, pool, hashingPool), all, query)
        },
        withTransaction: (inner) =>
          stock(pgSettings, (transaction) => transaction.withTransaction(inner as never)) as never,
      }
      try {
        return await callback(client)
      } catch (error) {
        onError?.(error, claimsOf(settings))
        // Nobody may do next to nothing: what they lack is a sign-in, not a permission.
        if (pgSettings?.role === 'app_anonymous' && isDatabaseError(error) && error.code === '42501')
          throw new ServerError('UNAUTHENTICATED')
        throw error
      }
    }
    return Object.assign(claimed, stock.release && { release: stock.release }) as WithPgClient as typeof stock
  }
  return { ...service, adaptor: { ...adaptor, createWithPgClient } }
}

/** The claims that settings were made of. */
const claimsOf = (settings: readonly Setting[]): Claims =>
  Object.fromEntries(settings.map(([name, value]) => [name.replace(/^app[.]/, ''), value]))

/**
 * Keeps a connection that dies in somebody's hands from ending the process: the stock adaptor does not listen to the error that
 * a client emits then, besides failing its query.
 */
function surviveLostConnections(pool: pg.Pool): void {
  const known = new WeakSet<pg.PoolClient>()
  pool.on('acquire', (client) => {
    if (known.has(client)) return
    known.add(client)
    client.on('error', () => {})
  })
}
