import pg from 'pg'
import { ConfigurationError } from '../config.ts'
import { errorCode } from '../errorCode.ts'
import { LOGIN_ROLES } from './bootstrap.ts'

/** Where a role, or what is open to everybody, differs from what sql/bootstrap/roles.sql makes. */
export interface Drift {
  /** A role, `database <name>`, or `public`. */
  readonly role: string
  readonly what: string
}

/** The logins of the three roles. */
export type RoleUrls = Readonly<Record<keyof typeof LOGIN_ROLES, string>>

/**
 * Every difference there is, by role. Passwords are told by logging in with them; the rest stands in the catalogs.
 * @throws ConfigurationError for a database that is older than the view which tells.
 */
export async function findDrift(client: pg.ClientBase, urls: RoleUrls): Promise<Drift[]> {
  const keys = Object.keys(LOGIN_ROLES) as (keyof typeof LOGIN_ROLES)[]
  const refused = await Promise.all(keys.map(async (key) => ((await isRefused(urls[key])) ? [LOGIN_ROLES[key]] : [])))
  const { rows } = await client
    .query<Drift>('select d.role, d.what from app_private.role_drift d order by d.role, d.what')
    .catch((error: unknown) => {
      if (!['42P01', '3F000'].includes(errorCode(error) ?? '')) throw error
      throw new ConfigurationError([
        'This database was never deployed to, or by an older release only: npm run db:migrate, npm run db:apply.',
      ])
    })
  return [...refused.flat().map((role) => ({ role, what: 'its password is another' })), ...rows]
}

export const describeDrift = ({ role, what }: Drift): string => `${role}: ${what}`

/** Whether the server knows the login and does not let it in. Anything else that fails is not about the role. */
async function isRefused(url: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: `freehold-inspect ${process.pid}`,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return false
  } catch (error) {
    if (['28P01', '28000'].includes(errorCode(error) ?? '')) return true
    throw error
  } finally {
    await client.end().catch(() => {})
  }
}
