import { createHmac } from 'node:crypto'
import type pg from 'pg'
import type ApiScope from '../../../generated/types/app_public/ApiScope.ts'
import { call, type FunctionName, type Given } from '../../db/call.ts'
import { lendingKeys } from '../../db/keys.ts'
import { withTenant, type Claims } from '../../db/withTenant.ts'
import { act, makeOperator } from '../../operator/acts.ts'
import {
  callAs,
  callFunctionAs,
  claimsOf,
  enrol,
  mailedToken,
  settle,
  type Caller,
  type Person,
  type PersonName,
  type Pools,
  type Settled,
  type Tenant,
  type TenantName,
} from './people.ts'

/** Projects of each tenant, by how they are shown. `own` is Bob's, so Acme alone has it. */
export type ProjectName = 'open' | 'shared' | 'crew' | 'closed' | 'secret' | 'gone' | 'own'

/** What a tenant was furnished with; ids by name. */
export interface Furniture {
  readonly projects: Readonly<Record<ProjectName, string>>
  readonly deployments: Readonly<Record<ProjectName, string>>
  readonly environments: Readonly<Record<ProjectName, string>>
  readonly sources: Readonly<Record<ProjectName, string>>
  readonly webhookEvents: Readonly<Record<ProjectName, string>>
  /** A team that owns `crew`. */
  readonly team: string
  /** Membership that was not accepted yet, and the token it was mailed. */
  readonly invitation: { readonly memberId: string; readonly token: string }
  /** API keys: `write` and `narrow` of a developer (narrow to `crew`), `read` and `admin` (narrow to `open`) of the owner. */
  readonly keys: Readonly<
    Record<'write' | 'read' | 'narrow' | 'admin', { readonly id: string; readonly token: string }>
  >
}

/** Somebody who tries the doors. `tenant` is the tenant of the request; nobody else's rows may be seen. */
export interface Actor {
  readonly name: string
  readonly role: 'app_anonymous' | 'app_user' | 'freehold_worker' | 'freehold_authenticator' | 'app_operator'
  readonly claims: Claims
  readonly tenant?: TenantName
  readonly person?: PersonName | 'oscar'
  readonly rank?: 'billing' | 'viewer' | 'developer' | 'admin' | 'owner'
  /** Rank in the projects where it is not that of the tenant. */
  readonly ranks?: Readonly<Partial<Record<ProjectName, 'viewer' | 'member' | 'developer' | 'admin'>>>
  readonly isKey?: boolean
  readonly narrowedTo?: ProjectName
  /** Projects they see, written down by hand: this is what policies are held against. */
  readonly sees: readonly ProjectName[]
}

/** Two tenants with rows in every table, and everybody who may try. */
export interface World extends Settled {
  /** Oscar operates the platform, and looks into Acme by the leave of Alice. */
  readonly people: Settled['people'] & Readonly<Record<'oscar', Person>>
  readonly furniture: Readonly<Record<TenantName, Furniture>>
  readonly actors: readonly Actor[]
}

/** People of each tenant. */
export const MEMBERS: Readonly<Record<TenantName, readonly PersonName[]>> = {
  acme: ['alice', 'bob', 'vera', 'bill'],
  evil: ['mallory'],
}

/** Fills every table for both tenants, by the functions that anybody would use. */
export async function buildWorld(pools: Pools & { readonly owner: pg.Pool }): Promise<World> {
  // Whoever runs the platform writes this one by hand.
  await withTenant(pools.owner, { role: 'app_system' }, (client) =>
    client.query(`insert into app_private.allowed_repositories (prefix) values ('git@git.test:')`),
  )
  const settled = await settle(pools)
  const {
    people: { alice, bob, vera, mallory },
    tenants,
  } = settled
  const acme = await furnish(pools, tenants.acme, alice, bob, [vera])
  const evil = await furnish(pools, tenants.evil, mallory, mallory)
  const ghost = await enrol(pools, 'ghost')
  await callFunctionAs(pools.authenticator, ghost, 'app_public.erase_user', { password: ghost.password })
  const oscar = await enrol(pools, 'oscar')
  const origin = { userAgent: 'proof' }
  await makeOperator(pools.owner, origin, oscar.email, true)
  await pools.owner.query('update app_public.users set two_factor_enabled = true where id = $1', [oscar.id])
  const entry = { tenant: tenants.acme.slug, reason: 'proof' }
  await act(pools.owner, oscar.token, origin, 'app_private.enter_tenant', entry)
  await call(pools.worker, 'app_private.seal_audit')
  const furniture = { acme, evil }
  const world = { ...settled, people: { ...settled.people, oscar }, furniture }
  return { ...world, actors: await castActors(pools, world, furniture) }
}

/** @param owner of the tenant; @param developer who is in the team, which lowers them to member there, admin of `closed` but viewer in `shared`, and has the keys; @param viewers who are developers in `open`. */
async function furnish(
  pools: Pools,
  tenant: Tenant,
  owner: Person,
  developer: Person,
  viewers: readonly Person[] = [],
): Promise<Furniture> {
  const as = async <Row extends pg.QueryResultRow>(
    who: Caller,
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row> => {
    const [row] = await callAs<Row>(pools.authenticator, { token: who.token, tenant: tenant.slug }, sql, params)
    if (row === undefined) throw new Error(`The fixture got no row of: ${sql}`)
    return row
  }
  const callBy = <Name extends FunctionName>(who: Caller, name: Name, ...given: Given<Name>) =>
    callFunctionAs(pools.authenticator, { token: who.token, tenant: tenant.slug }, name, ...given)
  const id = async (who: Caller, sql: string, params: readonly unknown[] = []) =>
    (await as<{ id: string }>(who, sql, params)).id
  const label = (what: string) => `${tenant.slug} ${what}`

  const team = await id(owner, 'insert into app_public.teams (name) values ($1) returning id', [label('crew')])
  const oldTeam = await id(owner, 'insert into app_public.teams (name) values ($1) returning id', [label('old crew')])
  await callBy(owner, 'app_public.delete_team', { id: oldTeam })
  await as(
    owner,
    `insert into app_public.team_members (team_id, user_id, role) values ($1, $2, 'developer') returning id`,
    [team, developer.id],
  )

  const makeProject = (who: Person, name: ProjectName, visibility: string, teamId: string | null = null) =>
    id(who, 'insert into app_public.projects (name, slug, visibility, team_id) values ($1, $2, $3, $4) returning id', [
      label(name),
      `${tenant.slug}-${name}`,
      visibility,
      teamId,
    ])
  const projects: Record<ProjectName, string> = {
    open: await makeProject(owner, 'open', 'public'),
    shared: await makeProject(owner, 'shared', 'team'),
    crew: await makeProject(owner, 'crew', 'team', team),
    closed: await makeProject(owner, 'closed', 'private'),
    secret: await makeProject(owner, 'secret', 'private'),
    gone: await makeProject(owner, 'gone', 'public'),
    own: await makeProject(developer, 'own', 'private'),
  }
  const lend = (person: string, name: ProjectName, role: string) =>
    as(owner, 'insert into app_public.project_members (project_id, user_id, role) values ($1, $2, $3) returning id', [
      projects[name],
      person,
      role,
    ])
  await lend(developer.id, 'closed', 'admin')
  await lend(developer.id, 'shared', 'viewer')
  for (const viewer of viewers) await lend(viewer.id, 'open', 'developer')
  await as(owner, 'insert into app_public.project_members (project_id, user_id) values ($1, $2) returning id', [
    projects.secret,
    owner.id,
  ])
  const scratch = await id(
    owner,
    `insert into app_public.project_environments (project_id, name) values ($1, 'scratch') returning id`,
    [projects.open],
  )
  await callBy(owner, 'app_public.delete_environment', { id: scratch })

  // The push below asks for another deployment, and the first is to wait on.
  await as(
    owner,
    'update app_public.project_environments set supersedes_waiting = false where project_id = $1 and name = $2 returning id',
    [projects.open, 'production'],
  )

  const deployments = {} as Record<ProjectName, string>
  const environments = {} as Record<ProjectName, string>
  const sources = {} as Record<ProjectName, string>
  const webhookEvents = {} as Record<ProjectName, string>
  for (const name of Object.keys(projects) as ProjectName[]) {
    const requester = name === 'own' ? developer : owner
    const deployment = await callBy(requester, 'app_public.request_deployment', {
      project_id: projects[name],
      environment: 'production',
      commit_sha: 'a'.repeat(40),
      idempotency_key: label(name),
    })
    deployments[name] = deployment.id
    environments[name] = deployment.environment_id
    await callBy(requester, 'app_public.append_deployment_logs', {
      deployment_id: deployment.id,
      lines: [{ message: label('line'), level: 'warn', source: 'runtime' }],
    })
    const source = await callBy(requester, 'app_public.create_webhook_source', {
      project_id: projects[name],
      name: label('source'),
    })
    sources[name] = source.webhook_source_id!
    webhookEvents[name] = await deliver(pools, source.webhook_source_id!, source.secret!, label(name))
  }
  await call(pools.worker, 'app_private.apply_webhook_event', {
    tenant_id: tenant.id,
    webhook_event_id: webhookEvents.open,
  })
  await callBy(owner, 'app_public.claim_deployment', { runner: label('runner'), deployment_id: deployments.shared })
  await callBy(owner, 'app_public.delete_project', { id: projects.gone })

  await callBy(owner, 'app_public.grant_operator_access', { reason: label('leave') })
  const guest = `guest@${tenant.slug}.test`
  const memberId = await id(owner, 'select (tenant_member).id from app_public.invite_member($1)', [guest])
  // Somebody who has not answered yet, and somebody who forgot: what is known of them opens accounts.
  await callBy(owner, 'app_public.register', { email: guest, password: 'password of a guest', name: 'Guest' })
  await callBy(owner, 'app_public.request_password_reset', { email: owner.email })
  const key = async (who: Person, name: string, scope: ApiScope, projectId: string | null = null) => {
    const given = { name: label(name), scopes: [scope], project_id: projectId }
    const made = await callBy(who, 'app_public.create_api_key', given)
    return { id: made.api_key_id!, token: made.token! }
  }
  const keys = {
    write: await key(developer, 'runner', 'write'),
    read: await key(owner, 'reader', 'read'),
    narrow: await key(developer, 'narrow', 'write', projects.crew),
    admin: await key(owner, 'admin', 'admin', projects.open),
  }
  // A key outlives the rank it was made with.
  await as(owner, `update app_public.team_members set role = 'member' where user_id = $1 returning id`, [developer.id])
  await callAs(
    pools.authenticator,
    { token: keys.write.token },
    `select * from app_public.record_audit_events(jsonb_build_array(jsonb_build_object(
    'id', uuidv7(), 'entity_id', uuidv7(), 'action', $1::text, 'user_id', $2::uuid, 'created_at', '2026-01-01T00:00:00Z')))`,
    [label('disk.full'), developer.id],
  )
  return {
    projects,
    deployments,
    environments,
    sources,
    webhookEvents,
    team,
    invitation: { memberId, token: await mailedToken(pools, 'invitation', guest) },
    keys,
  }
}

/** Posts a push as GitHub would and returns the id of the inbox row. */
async function deliver(pools: Pools, source: string, secret: string, delivery: string): Promise<string> {
  const body = Buffer.from(
    JSON.stringify({
      ref: 'refs/heads/main',
      after: 'b'.repeat(40),
      repository: { clone_url: 'https://git.test/a.git' },
      // Both tenants have a push of Bob's: erasing him reaches that of the tenant he is in.
      pusher: { name: 'bob', email: 'bob@bob.test' },
      commits: [{ author: { name: 'bob', email: 'bob@bob.test' } }, { author: { name: 'x', email: 'x@x.test' } }],
    }),
  )
  const { headers } = signPush(body, secret, delivery)
  const given = { provider: 'github', webhook_source_id: source, headers, body }
  const answer = await call(lendingKeys(pools.authenticator), 'app_private.receive_webhook', given)
  return (answer as { webhookEventId: string }).webhookEventId
}

function signPush(body: Buffer, secret: string, delivery: string) {
  return {
    headers: {
      'x-github-event': 'push',
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  }
}

async function castActors(
  { authenticator }: Pools,
  { people, tenants }: Pick<World, 'people' | 'tenants'>,
  furniture: World['furniture'],
): Promise<Actor[]> {
  const claims = (token: string | null, tenant?: TenantName) =>
    claimsOf(authenticator, { token, ...(tenant && { tenant }) })
  /** What authenticate says of somebody who has chosen no tenant. */
  const withoutTenant = async (person: Person) => ({ ...(await claims(person.token)), tenant_id: '', member_role: '' })
  const all: readonly ProjectName[] = ['open', 'shared', 'crew', 'closed', 'secret', 'own']
  const bobs: readonly ProjectName[] = ['open', 'shared', 'crew', 'closed', 'own']
  const { alice, bob, vera, bill, mallory, nobody, oscar } = people
  const user = { role: 'app_user', tenant: 'acme' } as const
  const worker = { role: 'freehold_worker', sees: [] } as const
  const ranks = { shared: 'viewer', crew: 'member', closed: 'admin' } as const
  // What keys make of it: none ranks above its scopes.
  const capped = { ...ranks, closed: 'developer' } as const
  const workerClaims = { actor_type: 'worker' }
  return [
    { name: 'anonymous', role: 'app_anonymous', claims: await claims(null), sees: [] },
    { ...user, name: 'alice', claims: await claims(alice.token, 'acme'), person: 'alice', rank: 'owner', sees: all },
    {
      ...user,
      name: 'bob',
      claims: await claims(bob.token, 'acme'),
      person: 'bob',
      rank: 'developer',
      ranks,
      sees: bobs,
    },
    {
      ...user,
      name: 'vera',
      claims: await claims(vera.token, 'acme'),
      person: 'vera',
      rank: 'viewer',
      ranks: { open: 'developer' },
      sees: ['open', 'shared'],
    },
    {
      ...user,
      name: 'bill',
      claims: await claims(bill.token, 'acme'),
      person: 'bill',
      rank: 'billing',
      sees: ['open'],
    },
    {
      ...user,
      name: 'key of bob, write',
      claims: await claims(furniture.acme.keys.write.token),
      person: 'bob',
      rank: 'developer',
      ranks: capped,
      isKey: true,
      sees: bobs,
    },
    {
      ...user,
      name: 'key of alice, read',
      claims: await claims(furniture.acme.keys.read.token),
      person: 'alice',
      rank: 'viewer',
      isKey: true,
      // As a viewer, and what Alice owns.
      sees: ['open', 'shared', 'crew', 'closed', 'secret'],
    },
    {
      ...user,
      name: 'key of bob, narrowed',
      claims: await claims(furniture.acme.keys.narrow.token),
      person: 'bob',
      rank: 'developer',
      ranks: capped,
      isKey: true,
      narrowedTo: 'crew',
      sees: ['crew'],
    },
    {
      ...user,
      name: 'key of alice, admin, narrowed',
      claims: await claims(furniture.acme.keys.admin.token),
      person: 'alice',
      rank: 'admin',
      isKey: true,
      narrowedTo: 'open',
      sees: ['open'],
    },
    {
      ...user,
      tenant: 'evil',
      name: 'mallory',
      claims: await claims(mallory.token, 'evil'),
      person: 'mallory',
      rank: 'owner',
      sees: all,
    },
    {
      ...user,
      tenant: 'evil',
      name: 'key of mallory, narrowed',
      claims: await claims(furniture.evil.keys.narrow.token),
      person: 'mallory',
      rank: 'developer',
      isKey: true,
      narrowedTo: 'crew',
      sees: ['crew'],
    },
    { name: 'alice without a tenant', role: 'app_user', claims: await withoutTenant(alice), person: 'alice', sees: [] },
    {
      name: 'mallory without a tenant',
      role: 'app_user',
      claims: await withoutTenant(mallory),
      person: 'mallory',
      sees: [],
    },
    { name: 'nobody', role: 'app_user', claims: await claims(nobody.token), person: 'nobody', sees: [] },
    { ...worker, name: 'worker for acme', claims: { ...workerClaims, tenant_id: tenants.acme.id }, tenant: 'acme' },
    { ...worker, name: 'worker for evil', claims: { ...workerClaims, tenant_id: tenants.evil.id }, tenant: 'evil' },
    { ...worker, name: 'worker without a tenant', claims: workerClaims },
    { name: 'authenticator', role: 'freehold_authenticator', claims: {}, sees: [] },
    {
      ...user,
      name: 'oscar inside acme',
      claims: await claims(oscar.token, 'acme'),
      person: 'oscar',
      rank: 'viewer',
      sees: ['open', 'shared'],
    },
    { name: 'operator', role: 'app_operator', claims: await claims(oscar.token), person: 'oscar', sees: [] },
    // Who has got hold of the role and is no operator.
    {
      name: 'alice as an operator',
      role: 'app_operator',
      claims: await claims(alice.token),
      person: 'alice',
      sees: [],
    },
    {
      name: 'mallory as an operator',
      role: 'app_operator',
      claims: await claims(mallory.token),
      person: 'mallory',
      sees: [],
    },
  ]
}
