import { MEMBERS, type Actor, type ProjectName, type World } from './fixture.ts'
import type { PersonName, TenantName } from './people.ts'

/** A condition on the rows of a table, read by someone who sees all of them. */
export type Condition = string

/**
 * What is expected of one table, said apart from its policies: if the two disagree, one of them is wrong.
 * Where a part is left out, nobody may.
 */
export interface TableCase {
  /** Rows that are one tenant's (or its people's); left out: `tenant_id`. 'nobody' says that rows have no tenant. */
  readonly belongs?: ((tenant: TenantName, world: World) => Condition) | 'nobody'
  /** No row is the rule: one would tell that something is wrong. */
  readonly isEmpty?: boolean
  /** Rows they see. */
  readonly select?: (actor: Actor, world: World) => Condition
  /** A harmless update, tried without `where`, and the rows it may reach. */
  readonly update?: { readonly set: string; readonly rows: (actor: Actor, world: World) => Condition }
  /** Rows that `delete` without `where` may take. */
  readonly delete?: (actor: Actor, world: World) => Condition
  /** A row they may add in their tenant, as column list and values; undefined when they may not add any. */
  readonly insert?: (actor: Actor, world: World) => string | undefined
}

/** What is of no tenant carries this one; nobody has it for an id either. */
export const NOWHERE = '00000000-0000-0000-0000-000000000000'

const NONE: Condition = 'false'
const ALL: Condition = 'true'
const RANKS = ['billing', 'viewer', 'member', 'developer', 'admin', 'owner']

const quote = (id: string) => `'${id}'`
const ids = (list: readonly string[]) => (list.length === 0 ? 'null' : list.map(quote).join(', '))
const isUser = (actor: Actor) => actor.role === 'app_user'
const isWorker = (actor: Actor) => actor.role === 'freehold_worker'
const has = (actor: Actor, rank: string) => actor.rank !== undefined && RANKS.indexOf(actor.rank) >= RANKS.indexOf(rank)
const hasIn = (actor: Actor, project: ProjectName, rank: string) =>
  isUser(actor) && has(actor.ranks?.[project] ? { ...actor, rank: actor.ranks[project] as 'viewer' } : actor, rank)
const all = (...conditions: readonly Condition[]): Condition =>
  conditions.map((condition) => `(${condition})`).join(' and ')

/** The id of the person, or of nobody. */
const me = (actor: Actor, world: World) => quote(actor.person ? world.people[actor.person].id : NOWHERE)
const here = (actor: Actor, world: World): Condition =>
  actor.tenant ? `tenant_id = ${quote(world.tenants[actor.tenant].id)}` : NONE
const peopleOf = (tenant: TenantName, world: World) => ids(MEMBERS[tenant].map((name) => world.people[name].id))
const emailsOf = (tenant: TenantName, world: World) =>
  ids([...MEMBERS[tenant].map((name) => world.people[name].email), `guest@${tenant}.test`])
const joined = (person: PersonName | 'oscar'): TenantName[] =>
  (['acme', 'evil'] as const).filter((tenant) => (MEMBERS[tenant] as readonly string[]).includes(person))

const member = (actor: Actor, world: World): Condition => (isUser(actor) ? here(actor, world) : NONE)
const worker = (actor: Actor, world: World): Condition => (isWorker(actor) ? here(actor, world) : NONE)
const memberOrWorker = (actor: Actor, world: World): Condition =>
  isUser(actor) || isWorker(actor) ? here(actor, world) : NONE

/** Rows of the projects they see; a worker sees those of its whole tenant. */
const ofSeenProjects =
  (column: string) =>
  (actor: Actor, world: World): Condition => {
    if (isWorker(actor)) return worker(actor, world)
    if (!isUser(actor) || !actor.tenant) return NONE
    const { projects } = world.furniture[actor.tenant]
    return `${column} in (${ids(actor.sees.map((name) => projects[name]))})`
  }
const seen = ofSeenProjects('project_id')
/** Rows of the projects that people see and where they have the rank. */
const ranked =
  (rank: string, column = 'project_id') =>
  (actor: Actor, world: World): Condition =>
    isUser(actor)
      ? ofSeenProjects(column)({ ...actor, sees: actor.sees.filter((name) => hasIn(actor, name, rank)) }, world)
      : NONE
const when =
  (test: (actor: Actor) => boolean, condition: (actor: Actor, world: World) => Condition) =>
  (actor: Actor, world: World): Condition =>
    test(actor) ? condition(actor, world) : NONE
const usersOnly = (condition: (actor: Actor, world: World) => Condition) => when(isUser, condition)

const selfInPerson = (column: string) =>
  when(
    (actor) => isUser(actor) && !actor.isKey,
    (actor, world) => `${column} = ${me(actor, world)}`,
  )
const ofPeople =
  (column: string) =>
  (tenant: TenantName, world: World): Condition =>
    `${column} in (${peopleOf(tenant, world)})`
const developers = ranked('developer')

/** Members of projects that they see and may lead: admins all, owners of a project its own. */
const ledProjectMembers = (besidesMe?: 'besides me') =>
  usersOnly((actor, world) => {
    const owned = `project_id in (select id from app_public.projects where owner_id = ${me(actor, world)})`
    const others = besidesMe ? `user_id <> ${me(actor, world)}` : ALL
    return all(ranked('member')(actor, world), `(${ranked('admin')(actor, world)}) or (${all(owned, others)})`)
  })
/** A key narrowed to a project leaves the tenant's teams alone, whoever leads them. */
const ledTeams = usersOnly((actor, world) => {
  if (!has(actor, 'member') || actor.narrowedTo) return NONE
  return all(here(actor, world), has(actor, 'admin') ? ALL : `owner_id = ${me(actor, world)}`)
})
const ledTeamMembers = usersOnly((actor, world) => {
  if (!has(actor, 'member') || actor.narrowedTo) return NONE
  return all(
    here(actor, world),
    has(actor, 'admin') ? ALL : `team_id in (select id from app_public.teams where owner_id = ${me(actor, world)})`,
  )
})
/** One's own row, for a person; a key does not take its owner out of anything. */
const myself = when(
  (actor) => isUser(actor) && !actor.isKey,
  (actor, world) => all(here(actor, world), `user_id = ${me(actor, world)}`),
)
const either =
  (...conditions: readonly ((actor: Actor, world: World) => Condition)[]) =>
  (actor: Actor, world: World): Condition =>
    conditions.map((condition) => `(${condition(actor, world)})`).join(' or ')

const hereOrNowhere = (actor: Actor, world: World): Condition => `${here(actor, world)} or tenant_id = '${NOWHERE}'`
const ofTenantOrPeople =
  (column: string) =>
  (tenant: TenantName, world: World): Condition =>
    `tenant_id = ${quote(world.tenants[tenant].id)} or (tenant_id = '${NOWHERE}' and ${column} in (${peopleOf(tenant, world)}))`

/** The history of a table of tenants, for ranks from `readers` up. `project`: column of its project. `isPersonal`: rows are about a person. */
const history = (
  readers: string,
  { project, isPersonal = false }: { project?: string; isPersonal?: boolean } = {},
): TableCase => ({
  select: usersOnly(
    either(
      when((actor) => has(actor, 'admin') && !actor.narrowedTo, here),
      when(
        (actor) => actor.rank !== undefined,
        (actor, world) => {
          const ofTenant = has(actor, readers) && !actor.narrowedTo
          if (project === undefined) return all(here(actor, world), ofTenant ? ALL : NONE)
          return all(
            here(actor, world),
            `${ranked(readers, project)(actor, world)} or (${ofTenant ? `${project} is null` : NONE})`,
          )
        },
      ),
      when(
        (actor) => isPersonal && !actor.isKey,
        (actor, world) => all(here(actor, world), `snapshot ->> 'user_id' = ${me(actor, world)}`),
      ),
    ),
  ),
})
/** The history of a table of the whole platform: for the person of each row. */
const ownHistory = (person: string): TableCase => ({ belongs: ofPeople(person), select: selfInPerson(person) })

/** Every table and view, by its name with schema. One that is missing here is a failure of the proof. */
export const TABLES: Readonly<Record<string, TableCase>> = {
  'app_public.users': {
    belongs: ofPeople('id'),
    select: usersOnly((actor, world) =>
      actor.narrowedTo
        ? NONE
        : `id = ${me(actor, world)}${actor.tenant ? ` or id in (${peopleOf(actor.tenant, world)})` : ''}`,
    ),
    update: { set: 'bio = null', rows: selfInPerson('id') },
  },
  'app_public.user_settings': {
    belongs: ofPeople('user_id'),
    select: selfInPerson('user_id'),
    update: { set: `preferences = '{}'`, rows: selfInPerson('user_id') },
  },
  'app_public.sessions': { belongs: ofPeople('user_id'), select: selfInPerson('user_id') },
  'app_public.tenants': {
    belongs: (tenant, world) => `id = ${quote(world.tenants[tenant].id)}`,
    select: (actor, world) => {
      if (isWorker(actor)) return ALL
      if (!isUser(actor) || !actor.person) return NONE
      const mine = [...(actor.tenant ? [actor.tenant] : []), ...(actor.isKey ? [] : joined(actor.person))]
      return `id in (${ids(mine.map((tenant) => world.tenants[tenant].id))})`
    },
    update: {
      set: 'description = null',
      rows: when(
        (actor) => isUser(actor) && has(actor, 'admin') && !actor.narrowedTo,
        (actor, world) => `id = ${quote(world.tenants[actor.tenant!].id)}`,
      ),
    },
  },
  'app_public.tenant_members': { select: when((actor) => !actor.narrowedTo, memberOrWorker) },
  'app_public.teams': {
    select: (actor, world) => all(member(actor, world), 'deleted_at is null'),
    update: { set: 'description = null', rows: (actor, world) => all(ledTeams(actor, world), 'deleted_at is null') },
    insert: (actor) =>
      isUser(actor) && has(actor, 'admin') && !actor.narrowedTo ? `(name) values ('another')` : undefined,
  },
  'app_public.team_members': {
    select: member,
    update: { set: `role = 'viewer'`, rows: ledTeamMembers },
    delete: either(ledTeamMembers, (actor, world) =>
      all(myself(actor, world), `role >= '${actor.rank ?? 'billing'}'::app_public.member_role`),
    ),
    insert: (actor, world) =>
      isUser(actor) &&
      has(actor, 'member') &&
      !actor.narrowedTo &&
      (actor.person === 'alice' || actor.person === 'mallory')
        ? `(team_id, user_id) values (${quote(world.furniture[actor.tenant!].team)}, ${me(actor, world)}) on conflict do nothing`
        : undefined,
  },
  'app_public.projects': {
    select: (actor, world) => all(ofSeenProjects('id')(actor, world), isWorker(actor) ? ALL : 'deleted_at is null'),
    update: {
      set: `description = ''`,
      rows: usersOnly((actor, world) =>
        all(
          ranked('member', 'id')(actor, world),
          `(${ranked('developer', 'id')(actor, world)}) or owner_id = ${me(actor, world)}`,
        ),
      ),
    },
    insert: (actor) =>
      isUser(actor) && has(actor, 'member') && !actor.narrowedTo
        ? `(name, slug) values ('another', 'another')`
        : undefined,
  },
  'app_public.project_members': {
    select: usersOnly(seen),
    update: { set: `role = 'viewer'`, rows: ledProjectMembers() },
    delete: either(ledProjectMembers('besides me'), (actor, world) =>
      // A role that lowers somebody holds them.
      all(myself(actor, world), seen(actor, world), `role >= '${actor.rank ?? 'billing'}'::app_public.member_role`),
    ),
    insert: (actor, world) => {
      const project = has(actor, 'admin') ? 'open' : actor.person === 'bob' && !actor.narrowedTo ? 'own' : undefined
      return isUser(actor) && project
        ? `(project_id, user_id) values (${quote(world.furniture[actor.tenant!].projects[project])}, ${me(actor, world)})`
        : undefined
    },
  },
  'app_public.project_environments': {
    select: (actor, world) => all(seen(actor, world), isWorker(actor) ? ALL : 'deleted_at is null'),
    update: {
      set: `env_vars = '{}'`,
      rows: (actor, world) => all(developers(actor, world), 'deleted_at is null'),
    },
    insert: (actor, world) =>
      actor.sees[0] !== undefined && hasIn(actor, actor.sees[0], 'developer')
        ? `(project_id, name) values (${quote(world.furniture[actor.tenant!].projects[actor.sees[0]])}, 'another')`
        : undefined,
  },
  // Oscar, who was let in, does not see by whom.
  'app_public.operator_grants': {
    select: when((actor) => isUser(actor) && has(actor, 'admin') && !actor.narrowedTo, here),
  },
  'app_public.api_keys': {
    select: usersOnly((actor, world) =>
      all(
        here(actor, world),
        has(actor, 'admin') && !actor.narrowedTo
          ? ALL
          : actor.isKey
            ? `id = ${quote(actor.claims.api_key_id!)}`
            : `user_id = ${me(actor, world)}`,
      ),
    ),
    update: {
      set: `name = 'renamed'`,
      rows: when(
        (actor) => isUser(actor) && !actor.isKey,
        (actor, world) => all(here(actor, world), has(actor, 'admin') ? ALL : `user_id = ${me(actor, world)}`),
      ),
    },
  },
  'app_public.idempotency_keys': {},
  'app_public.event_types': { belongs: 'nobody', select: (actor) => (isUser(actor) || isWorker(actor) ? ALL : NONE) },
  'app_public.events': {
    select: (actor, world) => {
      const ofTenant =
        isUser(actor) && has(actor, 'viewer') && !actor.narrowedTo
          ? all(here(actor, world), 'project_id is null')
          : NONE
      return `(${seen(actor, world)}) or (${ofTenant})`
    },
  },
  'app_public.deployments': { select: seen, update: { set: `metrics = '{}'`, rows: developers } },
  'app_public.deployment_status_history': { select: seen },
  'app_public.deployment_logs': { select: seen },
  'app_public.webhook_sources': {
    select: either(developers, worker),
    update: { set: 'description = null', rows: developers },
    delete: developers,
  },
  'app_public.webhook_events': {
    select: either(developers, worker),
    update: { set: 'error = null', rows: worker },
  },
  'app_private.applied_sources': { belongs: 'nobody' },
  'app_private.table_registry': { belongs: 'nobody' },
  'app_private.rate_limits': { belongs: 'nobody' },
  'app_private.horizons': { belongs: 'nobody' },
  'app_private.wrapping_keys': { belongs: 'nobody' },
  'app_private.role_drift': { belongs: 'nobody', isEmpty: true },
  'app_private.user_secrets': { belongs: ofPeople('user_id') },
  'app_private.user_tokens': { belongs: ofPeople('user_id') },
  'app_private.device_tokens': { belongs: ofPeople('user_id') },
  'app_private.registrations': { belongs: (tenant, world) => `email in (${emailsOf(tenant, world)})` },
  'app_private.session_tokens': {
    belongs: (tenant, world) =>
      `session_id in (select id from app_public.sessions where user_id in (${peopleOf(tenant, world)}))`,
  },
  'app_private.emails': {
    belongs: (tenant, world) => `recipient in (${emailsOf(tenant, world)})`,
    select: (actor) => (isWorker(actor) ? ALL : NONE),
    update: { set: 'sent_at = now()', rows: (actor) => (isWorker(actor) ? ALL : NONE) },
    delete: (actor) => (isWorker(actor) ? ALL : NONE),
  },
  'app_private.invitation_directory': {},
  'app_private.api_key_directory': {},
  'app_private.webhook_source_directory': {},
  'app_private.webhook_source_secrets': {},
  'app_private.undispatched_events': {},
  'app_private.deployment_log_sequences': {},
  'app_private.deployment_leases': {},
  'app_private.allowed_repositories': { belongs: 'nobody' },
  'app_private.audit_event_ids': {},
  'app_public.audit_logs': {
    belongs: ofTenantOrPeople('user_id'),
    select: usersOnly(
      either(
        when((actor) => has(actor, 'admin') && !actor.narrowedTo, here),
        when(
          (actor) => !actor.isKey,
          (actor, world) => all(hereOrNowhere(actor, world), `user_id = ${me(actor, world)}`),
        ),
      ),
    ),
  },
  'audit.row_versions': {
    belongs: ofTenantOrPeople('subject_id'),
    select: usersOnly(
      either(
        when(
          (actor) => has(actor, 'admin'),
          (actor, world) =>
            all(here(actor, world), `reader_role <= 'admin'`, actor.narrowedTo ? seen(actor, world) : ALL),
        ),
        when(
          (actor) => actor.rank !== undefined,
          (actor, world) => {
            const ofProjects = RANKS.map((rank) => all(`reader_role = '${rank}'`, ranked(rank)(actor, world)))
            const ofTenant = actor.narrowedTo ? NONE : all('project_id is null', `reader_role <= '${actor.rank}'`)
            return all(here(actor, world), [...ofProjects, ofTenant].join(' or '))
          },
        ),
        when(
          (actor) => !actor.isKey,
          (actor, world) => all(hereOrNowhere(actor, world), `subject_id = ${me(actor, world)}`),
        ),
      ),
    ),
  },
  'app_public.users_audit': ownHistory('user_id'),
  'app_public.user_settings_audit': ownHistory('user_id'),
  'app_public.sessions_audit': ownHistory(`(snapshot ->> 'user_id')::uuid`),
  'app_public.tenants_audit': history('viewer'),
  'app_public.tenant_members_audit': history('admin', { isPersonal: true }),
  'app_public.teams_audit': history('viewer'),
  'app_public.team_members_audit': history('viewer', { isPersonal: true }),
  'app_public.projects_audit': history('billing', { project: 'project_id' }),
  'app_public.project_members_audit': history('viewer', { project: 'project_id', isPersonal: true }),
  'app_public.project_environments_audit': history('billing', { project: 'project_id' }),
  'app_public.operator_grants_audit': history('admin'),
  'app_public.api_keys_audit': history('admin', { project: 'project_id', isPersonal: true }),
  'app_public.deployments_audit': history('billing', { project: 'project_id' }),
  'app_public.webhook_sources_audit': history('developer', { project: 'project_id' }),
  'audit.erasures': { belongs: 'nobody' },
  'app_private.our_schemas': { belongs: 'nobody' },
  'app_private.our_tables': { belongs: 'nobody' },
  'app_private.tenant_tables': { belongs: 'nobody' },
  'audit.seals': { select: when((actor) => isUser(actor) && has(actor, 'admin'), here) },
}

/** Tables of the whole platform, where a worker rightly sees and changes rows of every tenant. */
export const PLATFORM_QUEUES: readonly string[] = ['app_public.tenants', 'app_private.emails']
