import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { call, type FunctionName, type Given, type Result } from '../db/call.ts'
import { withTenant, type Claims } from '../db/withTenant.ts'
import { ServerError } from '../errors.ts'

const LOG_IN = 'app_public.login'

/** Where an act comes from, as the audit log has it: program, user and machine. */
export interface Origin {
  readonly userAgent: string
}

/** Refused with a code that the database answers and does not raise: a raised one would undo its own count. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string

  constructor({ code, message }: { code: string; message: string }) {
    super(message)
    this.code = code
  }
}

/** Runs one act under the claims of a session, as app_operator: the database decides whether they may. */
export async function act<Name extends FunctionName>(
  owner: pg.Pool,
  token: string,
  { userAgent }: Origin,
  name: Name,
  ...given: Given<Name>
): Promise<Result<Name>> {
  const claims = await claimsOf(owner, token, userAgent)
  const operating = { ...claims, role: 'app_operator' }
  return await withTenant(owner, operating, (client) => call(client, name, ...given), `${name}(`)
}

/**
 * Opens a session with password and second factor.
 * @throws Refusal, as INVALID_CREDENTIALS or CODE_REQUIRED.
 */
export async function logIn(
  owner: pg.Pool,
  { userAgent }: Origin,
  given: { email: string; password: string; code?: string },
): Promise<string> {
  const claims = { user_agent: userAgent, request_id: randomUUID(), actor_type: 'user' }
  const answer = await withTenant(owner, claims, (client) => call(client, LOG_IN, given), `${LOG_IN}(`)
  if (answer?.token) return answer.token
  throw new Refusal(
    (answer?.refusal ?? { code: 'INTERNAL', message: 'No answer' }) as { code: string; message: string },
  )
}

/** Ends the session of a token. */
export async function logOut(owner: pg.Pool, token: string, { userAgent }: Origin): Promise<void> {
  const { role: _, ...claims } = await claimsOf(owner, token, userAgent)
  await withTenant(owner, claims, (client) => call(client, 'app_public.logout'))
}

/** Makes somebody an operator, or takes it from them: nobody's right but the owner's of the database. */
export async function makeOperator(
  owner: pg.Pool,
  { userAgent }: Origin,
  person: string,
  isOperator: boolean,
): Promise<{ id: string; email: string; two_factor_enabled: boolean }> {
  const claims = { user_agent: userAgent, request_id: randomUUID(), actor_type: 'system' }
  return await withTenant(owner, claims, async (client) => {
    const { rows } = await client.query('select id, email, two_factor_enabled from app_private.make_operator($1, $2)', [
      person,
      isOperator,
    ])
    return rows[0] as { id: string; email: string; two_factor_enabled: boolean }
  })
}

/** Who is asking, outside of any tenant: operators act on tenants, not in them. */
async function claimsOf(owner: pg.Pool, token: string, userAgent: string): Promise<Claims> {
  const given = { token, tenant: null, ip: null, user_agent: userAgent, request_id: randomUUID() }
  const claims = (await call(owner, 'app_private.authenticate', given)) as Claims
  if (!claims.session_id) throw new ServerError('UNAUTHENTICATED', 'Log in first; an API key can not do this')
  return { ...claims, tenant_id: '', member_role: '', hidden_project_ids: '', project_ranks: '' }
}
