import pg from 'pg'
import { ConfigurationError } from '../config.ts'
import { errorCode } from '../errorCode.ts'

/** The oldest server we run on: uuidv7() and virtual generated columns came with it. */
export const MINIMUM_VERSION = 18

/** What one login sees of a server. */
export interface ServerFacts {
  /** server_version_num: 180004 for 18.4. */
  readonly version: number
  readonly user: string
  readonly isSuperuser: boolean
  readonly database: string
}

/**
 * Logs in once and looks around.
 * @param name the variable the URL came from, for the message.
 * @throws ConfigurationError in one line when it cannot be reached or refuses the login; the password is never part of it.
 */
export async function inspectServer(name: string, url: string): Promise<ServerFacts> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: `freehold-inspect ${process.pid}`,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const {
      rows: [facts],
    } = await client.query<ServerFacts>(
      `select current_setting('server_version_num')::int as version, current_user as "user", current_database() as database,
              (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser"`,
    )
    if (!facts) throw new Error('no answer')
    return facts
  } catch (error) {
    throw explainConnectError(name, url, error) ?? error
  } finally {
    await client.end().catch(() => {})
  }
}

/** The mistakes in what a login found; empty when it will do. `role` and `database` are what it should have been. */
export function explainServer(name: string, facts: ServerFacts, role?: string, database?: string): string[] {
  const mistakes: string[] = []
  if (facts.version < MINIMUM_VERSION * 10_000) {
    mistakes.push(
      `${name} is PostgreSQL ${Math.floor(facts.version / 10_000)}: Freehold needs ${MINIMUM_VERSION} or newer.`,
    )
  }
  if (role !== undefined && facts.user !== role) mistakes.push(`${name} logs in as ${facts.user}: it must be ${role}.`)
  if (database !== undefined && facts.database !== database) {
    mistakes.push(`${name} names database ${facts.database}: DATABASE_URL names ${database}; make them the same.`)
  }
  return mistakes
}

/** One line for an operator; undefined when the error is not about connecting. */
export function explainConnectError(name: string, url: string, error: unknown): ConfigurationError | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, port, username, pathname } = new URL(url)
  const address = `${hostname}:${port || 5432}`
  const user = decodeURIComponent(username)
  const code = errorCode(error) ?? (error instanceof Error ? error.message : '')
  const line = ((): string | undefined => {
    switch (code) {
      case 'ECONNREFUSED':
        return `nothing listens on ${address}: start PostgreSQL there, or correct host and port.`
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return `host ${hostname} has no address: correct its name.`
      case 'EHOSTUNREACH':
      case 'ENETUNREACH':
      case 'ETIMEDOUT':
      case 'timeout expired':
        return `${address} does not answer: check the address and the firewall.`
      case 'ECONNRESET':
      case 'Connection terminated unexpectedly':
        return `${address} hangs up: check that it is PostgreSQL, and whether it wants sslmode=require.`
      case 'The server does not support SSL connections':
        return `${address} offers no TLS: remove sslmode from the URL, or turn TLS on there.`
      case '28P01':
        return `${address} refuses the password of ${user}: correct it.`
      case '28000':
        return `${address} does not let ${user} in: create the role with sql/bootstrap/roles.sql, or allow it in pg_hba.conf.`
      case '3D000':
        return `${address} has no database ${decodeURIComponent(pathname.slice(1))}: create it, or correct the name.`
      case '42501':
        return `${user} may not connect to database ${decodeURIComponent(pathname.slice(1))}: grant connect on it.`
      case '53300':
        return `${address} has no free connection: raise max_connections or lower POOL_SIZE.`
      case '57P03':
        return `${address} is starting up or shutting down: try again in a moment.`
      case 'SELF_SIGNED_CERT_IN_CHAIN':
      case 'DEPTH_ZERO_SELF_SIGNED_CERT':
        return `${address} shows a certificate nobody vouches for: give its authority with sslrootcert.`
      default:
        return undefined
    }
  })()
  return line === undefined ? undefined : new ConfigurationError([`${name}: ${line}`], { cause: error })
}
