import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { errorCode } from '../errorCode.ts'

/** The login roles of sql/bootstrap/roles.sql. */
export const LOGIN_ROLES = {
  owner: 'freehold_owner',
  authenticator: 'freehold_authenticator',
  worker: 'freehold_worker',
} as const

/** Where the file lies below the project's root; also its name among the applied sources. */
export const ROLES_FILE = 'sql/bootstrap/roles.sql'

/** A role's password, the same in every process that knows `secret`. */
export function rolePassword(secret: string, role: string): string {
  return createHmac('sha256', secret).update(`freehold role password ${role}`).digest('base64url')
}

/**
 * Creates or corrects the roles, as superuser of the database `client` is connected to.
 * Roles belong to the whole cluster, where advisory locks do not reach: pg_authid itself is the lock.
 */
export async function bootstrap(client: pg.Client, rolesFile: string, secret: string): Promise<void> {
  const sql = await readFile(rolesFile, 'utf8')
  await client.query('begin')
  try {
    await client.query('lock table pg_catalog.pg_authid in share row exclusive mode')
    await client.query(
      `select set_config('bootstrap.owner_password', $1, true), set_config('bootstrap.authenticator_password', $2, true),
              set_config('bootstrap.worker_password', $3, true), set_config('bootstrap.database', current_database(), true)`,
      Object.values(LOGIN_ROLES).map((role) => rolePassword(secret, role)),
    )
    await client.query(sql)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

/** Roles that `rolesFile` names and the server does not have. */
export async function findMissingRoles(client: pg.ClientBase, rolesFile: string): Promise<string[]> {
  const named = [...(await readFile(rolesFile, 'utf8')).matchAll(/'((?:freehold|app)_\w+)'/g)].map(([, role]) => role)
  const { rows } = await client.query<{ role: string }>(
    'select distinct r.role from unnest($1::text[]) r (role) where to_regrole(r.role) is null order by r.role',
    [named],
  )
  return rows.map(({ role }) => role)
}

/**
 * Creates the database when it is missing, through a connection to another one.
 * Two at once: one of them gets duplicate_database, or unique_violation from the catalog's index.
 */
export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)} template template0`)
  } catch (error) {
    if (!['42P04', '23505'].includes(errorCode(error) ?? '')) throw error
  } finally {
    await client.end()
  }
}
