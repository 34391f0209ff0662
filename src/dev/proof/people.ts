import type pg from 'pg'
import { findMailedToken } from '../../../generated/queries/proof.ts'
import type MemberRole from '../../../generated/types/app_public/MemberRole.ts'
import { call, type Given, type FunctionName, type Result } from '../../db/call.ts'
import { lendingKeys } from '../../db/keys.ts'
import { withTenant, type Claims } from '../../db/withTenant.ts'

/** Pools of a database that were given a key ring. */
export interface Pools {
  readonly authenticator: pg.Pool
  readonly worker: pg.Pool
}

/** Somebody who registered and logged in. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
  readonly id: string
  /** Session token, good for 30 days. */
  readonly token: string
}

export interface Tenant {
  readonly id: string
  readonly slug: string
}

export type PersonName = 'alice' | 'bob' | 'vera' | 'bill' | 'mallory' | 'nobody'
export type TenantName = 'acme' | 'evil'

/** Alice owns Acme, Bob is a developer there, Vera a viewer, Bill does billing; Mallory owns Evil Corp; Nobody has no tenant. */
export type People = Readonly<Record<PersonName, Person>>
export interface Settled {
  readonly people: People
  readonly tenants: Readonly<Record<TenantName, Tenant>>
}

/** Who asks: a token (session or API key), or null for somebody without a log-in; and what else a request presents. */
export interface Caller {
  readonly token: string | null
  /** X-Tenant: the tenant they name; without it, their default one. */
  readonly tenant?: string | null
  /** Null when it is not known; an address when left out. */
  readonly ip?: string | null
  readonly requestId?: string
}

/** Who else but authenticate would know: the claims of a caller. @throws FH401, FH403 or FH429, as a pg.DatabaseError. */
export async function claimsOf(authenticator: pg.Pool, { token, tenant, ip, requestId }: Caller): Promise<Claims> {
  return (await call(authenticator, 'app_private.authenticate', {
    token,
    tenant: tenant ?? null,
    ip: ip === undefined ? '10.0.0.1' : ip,
    user_agent: 'proof',
    request_id: requestId ?? 'req-1',
  })) as Claims
}

/** Runs one statement the way a request does: authenticated, in one transaction under its claims and role. */
export async function callAs<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  authenticator: pg.Pool,
  caller: Caller,
  sql: string,
  params: readonly unknown[] = [],
): Promise<Row[]> {
  const claims = await claimsOf(authenticator, caller)
  return await withTenant(
    authenticator,
    claims,
    async (client) => (await client.query<Row>(sql, [...params])).rows,
    sql,
  )
}

/** Calls one function the way a request does. @throws when it answers null. */
export async function callFunctionAs<Name extends FunctionName>(
  authenticator: pg.Pool,
  caller: Caller,
  name: Name,
  ...given: Given<Name>
): Promise<NonNullable<Result<Name>>> {
  const claims = await claimsOf(authenticator, caller)
  const result = await withTenant(authenticator, claims, (client) => call(client, name, ...given), `${name}(`)
  if (result === null || result === undefined) throw new Error(`${name} gave nothing`)
  return result
}

/** The token of the last mail of a kind to an address, which only the worker can decrypt. */
export async function mailedToken(
  { worker }: Pools,
  kind: 'invitation' | 'verify_email' | 'reset_password' | 'login_code',
  email: string,
): Promise<string> {
  const [mail] = await findMailedToken.run({ kind, recipient: email }, lendingKeys(worker))
  if (!mail?.token) throw new Error(`No mail of kind ${kind} was sent to ${email}`)
  return mail.token
}

/** Registers somebody, confirms the address by the mailed token and logs in, from the address of the caller. */
export async function signUp(
  pools: Pools,
  given: { email: string; password: string; name: string; username?: string },
  caller: Caller = { token: null },
): Promise<{ id: string; token: string; deviceToken: string }> {
  const { authenticator } = pools
  const { email, password } = given
  const asked = await callFunctionAs(authenticator, caller, 'app_public.register', given)
  if (asked.refusal !== null) throw new Error(`${email} could not register: ${JSON.stringify(asked.refusal)}`)
  const token = await mailedToken(pools, 'verify_email', email.trim().toLowerCase())
  await callFunctionAs(authenticator, caller, 'app_public.verify_email', { token })
  const login = await callFunctionAs(authenticator, caller, 'app_public.login', { email, password })
  if (login.refusal !== null) throw new Error(`${email} could not log in: ${JSON.stringify(login.refusal)}`)
  return { id: login.user_id!, token: login.token!, deviceToken: login.device_token! }
}

/** Registers a person and logs in. */
export async function enrol(pools: Pools, name: string): Promise<Person> {
  const person = { name, email: `${name}@${name}.test`, password: `password of ${name}` }
  const { id, token } = await signUp(pools, person)
  return { ...person, id, token }
}

/** Makes a tenant of which `owner` is the owner. */
export async function found({ authenticator }: Pools, owner: Person, name: string, slug: string): Promise<Tenant> {
  const { id } = await callFunctionAs(authenticator, owner, 'app_public.create_tenant', { name, slug })
  return { id, slug }
}

/** Lets `host` invite `guest`, who accepts. */
export async function join(pools: Pools, host: Person, guest: Person, tenant: Tenant, role: MemberRole): Promise<void> {
  const inside = { token: host.token, tenant: tenant.slug }
  await callFunctionAs(pools.authenticator, inside, 'app_public.invite_member', { email: guest.email, role })
  const token = await mailedToken(pools, 'invitation', guest.email)
  await callFunctionAs(pools.authenticator, guest, 'app_public.accept_invitation', { token })
}

/** The named people and the two tenants, made by the functions anybody would use; about half a second, most of it bcrypt. */
export async function settle(pools: Pools): Promise<Settled> {
  const names: readonly PersonName[] = ['alice', 'bob', 'vera', 'bill', 'mallory', 'nobody']
  const people = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await enrol(pools, name)])),
  ) as Record<PersonName, Person>
  const { alice, bob, vera, bill, mallory } = people
  const tenants = {
    acme: await found(pools, alice, 'Acme', 'acme'),
    evil: await found(pools, mallory, 'Evil Corp', 'evil'),
  }
  await join(pools, alice, bob, tenants.acme, 'developer')
  await join(pools, alice, vera, tenants.acme, 'viewer')
  await join(pools, alice, bill, tenants.acme, 'billing')
  return { people, tenants }
}
