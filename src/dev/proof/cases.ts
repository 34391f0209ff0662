import type { ProjectName, World } from './fixture.ts'

/** Runs a query as someone above all policies, inside the transaction of the trial. */
export type Query = (sql: string, params?: readonly unknown[]) => Promise<Record<string, string>[]>

/** How one function is tried: once by its rightful person, then with the same arguments by everybody foreign. */
export interface FunctionCase {
  /** Actor for whom the call works: proof that there was something to deny. */
  readonly by: string
  /** The call, with ids of Acme. `made` is what `setup` returned. */
  readonly call: (world: World, made: Record<string, string>) => string
  /** The call as foreigners make it, where the arguments themselves are the right: a token, a password. */
  readonly attack?: (world: World) => string
  /** Calls by Mallory, or the worker for Evil Corp, that mix ids of both tenants. */
  readonly mixed?: (world: World) => readonly string[]
  /** Puts things into the state that the call needs. */
  readonly setup?: (query: Query, world: World) => Promise<Record<string, string>>
  /** Tables of Acme that a stranger's call rightly touches, each with its reason. */
  readonly touches?: Readonly<Record<string, string>>
  /** The rightful call has nothing to return. */
  readonly isVoid?: boolean
  /** SQLSTATE that is its very purpose. */
  readonly raises?: string
}

const quote = (text: string) => `'${text.replaceAll(`'`, `''`)}'`
const acme = (world: World) => world.furniture.acme
const evil = (world: World) => world.furniture.evil

/** A deployment of project `open` in a state; the state machine is stepped, not skipped. */
const deploymentIn =
  (...states: readonly string[]) =>
  async (query: Query, world: World): Promise<Record<string, string>> => {
    const { deployments } = acme(world)
    for (const status of states) {
      await query(
        `update app_public.deployments set status = $2::app_public.deployment_status,
      runner = case when $2 = 'building' then 'proof' else runner end,
      lease_expires_at = case when $2 = 'building' then now() + interval '1 hour' else lease_expires_at end where id = $1`,
        [deployments.open, status],
      )
    }
    return {}
  }
/** It is building, under a lease with a known token. */
const held = async (query: Query, world: World): Promise<Record<string, string>> => {
  await deploymentIn('building')(query, world)
  await query(
    `insert into app_private.deployment_leases (tenant_id, deployment_id, token_hash)
    select tenant_id, id, app_private.hash_token('a lease') from app_public.deployments where id = $1`,
    [acme(world).deployments.open],
  )
  return {}
}
const pendingApproval = async (query: Query, world: World): Promise<Record<string, string>> => {
  await query(`update app_public.deployments set approval_state = 'pending' where id = $1`, [
    acme(world).deployments.open,
  ])
  return {}
}
const onDeployment =
  (name: string, more = '') =>
  (world: World) =>
    `app_public.${name}(${quote(acme(world).deployments.open)}${more})`
/** What the request says of itself: nothing but claims is read. */
const claim = (name: string, by = 'bob'): Record<string, FunctionCase> => ({
  [`app_hidden.${name}()`]: { by, call: () => `app_hidden.${name}()` },
})
/** For the worker, who runs it for the whole platform. */
const platform = (call: string): FunctionCase => ({ by: 'worker without a tenant', call: () => call })

/** For an operator whose session says so, and nobody else who gets hold of the role. */
const operatorAct = (
  signature: string,
  given: (world: World) => string,
  more: Pick<FunctionCase, 'setup'> = {},
): Record<string, FunctionCase> => ({
  [`app_private.${signature}`]: {
    by: 'operator',
    ...more,
    call: (world) => `app_private.${signature.split('(')[0]}(${given(world)})`,
  },
})

/** The two functions that read a table of tenants as it was. */
const asOf = (tables: string, table: string, project?: ProjectName): Record<string, FunctionCase> => ({
  [`app_public.${tables}_as_of(timestamp with time zone${project ? ',uuid' : ''})`]: {
    by: 'alice',
    call: (world) =>
      `app_public.${tables}_as_of(clock_timestamp()${project ? `, ${quote(acme(world).projects[project])}` : ''})`,
  },
  [`app_public.${table}_as_of(uuid,timestamp with time zone)`]: {
    by: 'alice',
    setup: async (query, { tenants }) => {
      const [version] = await query(
        `select row_id as id from audit.row_versions v where tenant_id = $1 and table_name = $2 and action = 'insert'
       and snapshot ->> 'deleted_at' is null and exists (select from app_public.${tables} t where t.id = v.row_id) order by id limit 1`,
        [tenants.acme.id, tables],
      )
      if (!version)
        throw new Error(`app_public.${tables} has no row: give both tenants some in src/dev/proof/fixture.ts`)
      return version
    },
    call: (_, { id }) => `app_public.${table}_as_of(${quote(id!)}, clock_timestamp())`,
  },
})

/** Every function that anybody may execute, by its signature. One that is missing here is a failure of the proof. */
export const FUNCTIONS: Readonly<Record<string, FunctionCase>> = {
  // Accounts
  'app_public.register(text,text,text,text)': {
    by: 'anonymous',
    call: () => `app_public.register('carol@carol.test', 'long enough', 'Carol')`,
  },
  'app_public.login(text,text,text,jsonb,text)': {
    by: 'anonymous',
    call: ({ people: { alice } }) => `app_public.login(${quote(alice.email)}, ${quote(alice.password)})`,
    attack: ({ people: { alice } }) => `app_public.login(${quote(alice.email)}, 'a guess at it')`,
    touches: { 'app_public.audit_logs': 'a refused log-in is remembered' },
  },
  'app_public.logout()': { by: 'alice', call: () => 'app_public.logout()' },
  'app_public.logout_everywhere()': { by: 'alice', call: () => 'app_public.logout_everywhere()' },
  'app_public.revoke_session(uuid)': {
    by: 'alice',
    setup: async (query, { people }) =>
      (await query('select id from app_public.sessions where user_id = $1', [people.alice.id]))[0]!,
    call: (_, { id }) => `app_public.revoke_session(${quote(id!)})`,
  },
  'app_public.change_password(text,text)': {
    by: 'alice',
    call: ({ people: { alice } }) => `app_public.change_password(${quote(alice.password)}, 'another long one')`,
  },
  'app_public.request_password_reset(text)': {
    by: 'anonymous',
    call: ({ people: { alice } }) => `app_public.request_password_reset(${quote(alice.email)})`,
    touches: {
      'app_private.emails': 'whoever forgot a password is not logged in; the mail goes to its owner',
      'app_private.user_tokens': 'the token in that mail',
    },
  },
  'app_public.reset_password(text,text)': {
    by: 'anonymous',
    setup: async (query, { people }) => {
      await query(
        `insert into app_private.user_tokens (token_hash, user_id, purpose, expires_at)
        values (app_private.hash_token('a mailed token'), $1, 'reset_password', now() + interval '1 hour')`,
        [people.alice.id],
      )
      return {}
    },
    call: () => `app_public.reset_password('a mailed token', 'another long one')`,
    attack: () => `app_public.reset_password('a guessed token', 'another long one')`,
  },
  'app_public.confirm_email(text)': {
    by: 'anonymous',
    setup: async (query, { people }) => {
      await query(
        `insert into app_private.user_tokens (token_hash, user_id, purpose, email, expires_at)
        values (app_private.hash_token('a mailed token'), $1, 'change_email', 'new@alice.test', now() + interval '1 hour')`,
        [people.alice.id],
      )
      return {}
    },
    call: () => `app_public.confirm_email('a mailed token')`,
    attack: () => `app_public.confirm_email('a guessed token')`,
  },
  'app_public.close_tenant(text)': { by: 'alice', call: () => `app_public.close_tenant('acme')` },
  'app_public.grant_operator_access(text,integer)': {
    by: 'alice',
    call: () => `app_public.grant_operator_access('the builds hang', 2)`,
  },
  'app_public.revoke_operator_access(uuid)': {
    by: 'alice',
    setup: async (query, { tenants }) =>
      (await query('select id from app_public.operator_grants where tenant_id = $1', [tenants.acme.id]))[0]!,
    call: (_, { id }) => `app_public.revoke_operator_access(${quote(id!)})`,
  },
  ...asOf('operator_grants', 'operator_grant'),
  ...operatorAct('suspend_user(text,text)', ({ people }) => `${quote(people.bob.email)}, 'a test'`),
  ...operatorAct('restore_user(text,text)', ({ people }) => `${quote(people.bob.email)}, 'a test'`),
  ...operatorAct('suspend_tenant(text,text)', () => `'acme', 'a test'`),
  ...operatorAct('restore_tenant(text,text)', () => `'acme', 'a test'`),
  ...operatorAct('close_tenant(text,text)', () => `'acme', 'a test'`),
  ...operatorAct(
    'change_user_email(text,text,text)',
    ({ people }) => `${quote(people.bob.email)}, 'new@bob.test', 'a test'`,
  ),
  ...operatorAct('resend_verification(text)', ({ people }) => quote(people.alice.email), {
    setup: async (query, { people }) => {
      await query('update app_public.users set email_verified_at = null where id = $1', [people.alice.id])
      return {}
    },
  }),
  ...operatorAct('list_tenants(uuid,integer)', () => ''),
  ...operatorAct('enter_tenant(text,text)', () => `'acme', 'a test'`),
  'app_public.verify_email(text)': {
    by: 'anonymous',
    setup: async (query) =>
      (
        await query(
          `select app_private.decrypt_secret(token) as token from app_private.emails
           where kind = 'verify_email' and recipient = 'guest@acme.test'`,
        )
      )[0]!,
    call: (_, { token }) => `app_public.verify_email(${quote(token!)})`,
    attack: () => `app_public.verify_email('a guessed token')`,
  },
  'app_public.enable_totp(text)': {
    by: 'alice',
    call: ({ people: { alice } }) => `app_public.enable_totp(${quote(alice.password)})`,
  },
  'app_public.confirm_totp(text)': {
    by: 'alice',
    setup: async (query, { people }) => {
      const seed = '00112233445566778899aabbccddeeff00112233'
      await query(
        'update app_private.user_secrets set two_factor_secret = app_private.encrypt_secret($2) where user_id = $1',
        [people.alice.id, seed],
      )
      return (
        await query(
          `select app_private.totp_code(decode($1, 'hex'), floor(extract(epoch from clock_timestamp()) / 30)::bigint) as code`,
          [seed],
        )
      )[0]!
    },
    call: (_, { code }) => `app_public.confirm_totp(${quote(code!)})`,
  },
  'app_public.reauthenticate(text,text)': {
    by: 'alice',
    call: ({ people: { alice } }) => `app_public.reauthenticate(${quote(alice.password)})`,
  },
  'app_public.disable_totp(text,text)': {
    by: 'alice',
    call: ({ people: { alice } }) => `app_public.disable_totp(${quote(alice.password)}, '000000')`,
  },
  'app_public.export_user()': { by: 'bob', call: () => 'app_public.export_user()' },
  'app_public.erase_user(text,text)': {
    by: 'nobody',
    call: ({ people: { nobody } }) => `app_public.erase_user(${quote(nobody.password)})`,
  },
  'app_public."current_user"()': { by: 'alice', call: () => 'app_public.current_user()' },

  // Tenants and members
  'app_public.current_tenant()': { by: 'bob', call: () => 'app_public.current_tenant()' },
  'app_public.my_tenants()': { by: 'alice without a tenant', call: () => 'app_public.my_tenants()' },
  'app_public.create_tenant(text,text,text)': {
    by: 'nobody',
    call: () => `app_public.create_tenant('New', 'brand-new')`,
  },
  'app_public.invite_member(text,app_public.member_role)': {
    by: 'alice',
    call: () => `app_public.invite_member('new@new.test', 'member')`,
  },
  'app_public.accept_invitation(text)': {
    by: 'nobody',
    setup: async (query, world) => {
      await query('update app_public.tenant_members set invited_email = $2 where id = $1', [
        acme(world).invitation.memberId,
        world.people.nobody.email,
      ])
      return {}
    },
    call: (world) => `app_public.accept_invitation(${quote(acme(world).invitation.token)})`,
    attack: () => `app_public.accept_invitation('a guessed token')`,
  },
  'app_public.decline_invitation(text)': {
    by: 'anonymous',
    call: (world) => `app_public.decline_invitation(${quote(acme(world).invitation.token)})`,
    attack: () => `app_public.decline_invitation('a guessed token')`,
  },
  'app_public.withdraw_invitation(uuid)': {
    by: 'alice',
    call: (world) => `app_public.withdraw_invitation(${quote(acme(world).invitation.memberId)})`,
  },
  'app_public.change_member_role(uuid,app_public.member_role)': {
    by: 'alice',
    call: ({ people: { bob } }) => `app_public.change_member_role(${quote(bob.id)}, 'member')`,
  },
  'app_public.remove_member(uuid)': {
    by: 'alice',
    call: ({ people: { bob } }) => `app_public.remove_member(${quote(bob.id)})`,
  },
  'app_public.leave_tenant()': { by: 'vera', call: () => 'app_public.leave_tenant()' },
  'app_public.transfer_ownership(uuid)': {
    by: 'alice',
    call: ({ people: { bob } }) => `app_public.transfer_ownership(${quote(bob.id)})`,
  },
  'app_public.delete_team(uuid)': {
    by: 'alice',
    call: (world) => `app_public.delete_team(${quote(acme(world).team)})`,
  },

  // Keys
  'app_public.create_api_key(text,app_public.api_scope[],timestamp with time zone,uuid,uuid,inet[],bigint,integer,jsonb)':
    {
      by: 'bob',
      call: (world) => `app_public.create_api_key('new', '{read}', project_id => ${quote(acme(world).projects.open)})`,
      mixed: (world) => [
        `app_public.create_api_key('new', project_id => ${quote(evil(world).projects.open)}, environment_id => ${quote(acme(world).environments.open)})`,
        `app_public.create_api_key('new', project_id => ${quote(acme(world).projects.open)}, environment_id => ${quote(evil(world).environments.open)})`,
      ],
    },
  'app_public.rotate_api_key(uuid,interval)': {
    by: 'bob',
    call: (world) => `app_public.rotate_api_key(${quote(acme(world).keys.write.id)})`,
  },
  'app_public.revoke_api_key(uuid)': {
    by: 'bob',
    call: (world) => `app_public.revoke_api_key(${quote(acme(world).keys.write.id)})`,
  },

  // Projects
  'app_public.archive_project(uuid)': {
    by: 'bob',
    call: (world) => `app_public.archive_project(${quote(acme(world).projects.open)})`,
  },
  'app_public.unarchive_project(uuid)': {
    by: 'bob',
    call: (world) => `app_public.unarchive_project(${quote(acme(world).projects.open)})`,
  },
  'app_public.delete_project(uuid)': {
    by: 'alice',
    call: (world) => `app_public.delete_project(${quote(acme(world).projects.open)})`,
  },
  'app_public.delete_environment(uuid)': {
    by: 'bob',
    call: (world) => `app_public.delete_environment(${quote(acme(world).environments.open)})`,
  },

  // Deployments
  'app_public.request_deployment(uuid,text,text,text,text,jsonb,text)': {
    by: 'key of bob, write',
    call: (world) => `app_public.request_deployment(${quote(acme(world).projects.open)}, 'production', 'abcdef0')`,
  },
  'app_public.approve_deployment(uuid,text)': {
    by: 'alice',
    setup: pendingApproval,
    call: onDeployment('approve_deployment'),
  },
  'app_public.reject_deployment(uuid,text)': {
    by: 'alice',
    setup: pendingApproval,
    call: onDeployment('reject_deployment'),
  },
  'app_public.cancel_deployment(uuid,text)': { by: 'bob', call: onDeployment('cancel_deployment') },
  'app_public.claim_deployment(text,text[],integer,uuid)': {
    by: 'key of bob, write',
    call: () => `app_public.claim_deployment('runner')`,
    mixed: (world) => [
      `app_public.claim_deployment('runner', deployment_id => ${quote(acme(world).deployments.crew)})`,
    ],
  },
  'app_public.heartbeat_deployment(uuid,text,integer)': {
    by: 'key of bob, write',
    setup: held,
    call: onDeployment('heartbeat_deployment', `, 'a lease'`),
  },
  'app_public.transition_deployment(uuid,app_public.deployment_status,text,text,text,text,text,text)': {
    by: 'key of bob, write',
    setup: held,
    call: onDeployment('transition_deployment', `, 'deploying', lease_token => 'a lease'`),
  },
  'app_public.append_deployment_logs(uuid,app_public.log_line[],text,text)': {
    by: 'key of bob, write',
    setup: held,
    call: onDeployment(
      'append_deployment_logs',
      `, array[row('a line', null, null, null, null, null, null)]::app_public.log_line[], 'batch', 'a lease'`,
    ),
  },
  'app_public.promote_deployment(uuid,text)': {
    by: 'bob',
    setup: deploymentIn('building', 'ready'),
    call: onDeployment('promote_deployment', `, 'staging'`),
  },
  'app_public.rollback_deployment(uuid,uuid)': {
    by: 'bob',
    setup: async (query, world) => {
      await deploymentIn('building', 'ready')(query, world)
      const [newer] = await query(
        `insert into app_public.deployments (tenant_id, project_id, environment_id, environment, commit_sha)
        select tenant_id, project_id, environment_id, environment, 'abcdef0' from app_public.deployments where id = $1 returning id`,
        [acme(world).deployments.open],
      )
      for (const status of ['building', 'ready']) {
        await query(`update app_public.deployments set status = $2::app_public.deployment_status where id = $1`, [
          newer!.id,
          status,
        ])
      }
      return newer!
    },
    call: (_, { id }) => `app_public.rollback_deployment(${quote(id!)})`,
    mixed: (world) => {
      const [ours, theirs] = [quote(evil(world).deployments.open), quote(acme(world).deployments.open)]
      return [
        `app_public.rollback_deployment(${ours}, ${theirs})`,
        `app_public.rollback_deployment(${theirs}, ${ours})`,
      ]
    },
  },

  // Webhooks
  'app_public.create_webhook_source(uuid,text,app_public.webhook_provider,text)': {
    by: 'bob',
    call: (world) => `app_public.create_webhook_source(${quote(acme(world).projects.open)}, 'another')`,
  },
  'app_public.rotate_webhook_source_secret(uuid,interval)': {
    by: 'bob',
    call: (world) => `app_public.rotate_webhook_source_secret(${quote(acme(world).sources.open)})`,
  },

  // Audit
  ...asOf('tenant_members', 'tenant_member'),
  ...asOf('teams', 'team'),
  ...asOf('team_members', 'team_member'),
  ...asOf('projects', 'project'),
  ...asOf('project_members', 'project_member', 'closed'),
  ...asOf('project_environments', 'project_environment', 'open'),
  ...asOf('api_keys', 'api_key', 'open'),
  ...asOf('deployments', 'deployment', 'open'),
  ...asOf('webhook_sources', 'webhook_source', 'open'),
  'app_public.record_audit_events(jsonb)': {
    by: 'key of bob, write',
    call: () => `app_public.record_audit_events(jsonb_build_array(jsonb_build_object(
      'id', uuidv7(), 'entity_id', uuidv7(), 'action', 'disk.full', 'created_at', '2026-01-01T00:00:00Z')))`,
  },
  'app_public.preview_revert(text,uuid,uuid,text,uuid,uuid,timestamp with time zone)': {
    by: 'alice',
    call: ({ people: { alice } }) =>
      `app_public.preview_revert(actor_user_id => ${quote(alice.id)}, since => '2020-01-01')`,
  },
  'app_public.revert(text,uuid,uuid,text,uuid,uuid,timestamp with time zone)': {
    by: 'alice',
    setup: async (query, world) =>
      (
        await query(
          `
      update app_public.teams set description = 'for the proof' where id = $1
      returning pg_current_xact_id()::text as transaction`,
          [acme(world).team],
        )
      )[0]!,
    call: (_, { transaction }) => `app_public.revert(transaction_id => ${quote(transaction!)})`,
  },

  // Helpers of policies and functions
  ...claim('current_actor_type'),
  ...claim('current_tenant_id'),
  ...claim('current_user_id'),
  ...claim('current_member_role'),
  ...claim('current_session_id'),
  ...claim('current_ip'),
  ...claim('current_request_id'),
  ...claim('current_user_agent'),
  ...claim('platform_tenant_id'),
  ...claim('current_api_key_id', 'key of bob, write'),
  ...claim('current_project_id', 'key of bob, narrowed'),
  ...claim('current_tenant_user_ids'),
  ...claim('current_user_tenant_ids'),
  ...claim('hidden_project_ids', 'vera'),
  ...claim('find_hidden_project_ids', 'vera'),
  ...claim('project_ranks', 'vera'),
  ...claim('find_project_ranks', 'vera'),
  'app_hidden.project_rank(uuid)': {
    by: 'vera',
    call: (world) => `app_hidden.project_rank(${quote(acme(world).projects.open)})`,
  },
  'app_hidden.project_ids_apart(app_public.member_role)': {
    by: 'vera',
    call: () => `app_hidden.project_ids_apart('developer')`,
  },
  'app_hidden.current_environment_id()': { by: 'bob', call: () => 'app_hidden.current_environment_id()', isVoid: true },
  'app_hidden.has_role(app_public.member_role)': { by: 'bob', call: () => `app_hidden.has_role('developer')` },
  'app_hidden.last_truncate(text,timestamp with time zone)': {
    by: 'bob',
    call: () => `app_hidden.last_truncate('projects', clock_timestamp())`,
  },
  'app_hidden.is_permitted(text)': { by: 'bob', call: () => `app_hidden.is_permitted('projects:write')` },
  'app_hidden.is_deployment_move_allowed(app_public.deployment_status,app_public.deployment_status)': {
    by: 'bob',
    call: () => `app_hidden.is_deployment_move_allowed('pending', 'building')`,
  },
  'app_hidden.claimable_deployments(text[],uuid)': {
    by: 'key of bob, write',
    call: () => 'app_hidden.claimable_deployments()',
    mixed: (world) => [`app_hidden.claimable_deployments(deployment_id => ${quote(acme(world).deployments.crew)})`],
  },
  'app_hidden.raise_error(integer,text,text,jsonb)': {
    by: 'bob',
    call: () => `app_hidden.raise_error(418, 'TEAPOT', 'Short and stout')`,
    raises: 'FH418',
  },

  // The two that the API's own log-in may call
  'app_private.authenticate(text,text,inet,text,text)': {
    by: 'authenticator',
    call: ({ people }) => `app_private.authenticate(${quote(people.alice.token)}, 'acme', null, null, null)`,
  },
  'app_private.log_refusal(jsonb,text,integer)': {
    by: 'authenticator',
    call: () => `app_private.log_refusal('{"ip": "192.0.2.1"}', 'FORBIDDEN', 403)`,
  },
  'app_private.require_webhook_source(text,uuid)': {
    by: 'authenticator',
    call: (world) => `app_private.require_webhook_source('github', ${quote(acme(world).sources.open)})`,
  },
  'app_private.receive_webhook(text,uuid,jsonb,bytea)': {
    by: 'authenticator',
    setup: async (query, world) =>
      (
        await query(
          `
      select 'sha256=' || encode(extensions.hmac('{}'::bytea, convert_to(app_private.decrypt_secret(secret), 'utf8'), 'sha256'), 'hex') as signature
      from app_private.webhook_source_secrets where webhook_source_id = $1`,
          [acme(world).sources.open],
        )
      )[0]!,
    call: (world, { signature }) => `app_private.receive_webhook('github', ${quote(acme(world).sources.open)},
      ${quote(JSON.stringify({ 'x-github-event': 'ping', 'x-github-delivery': 'd', 'x-hub-signature-256': signature }))}, '{}')`,
    attack: (world) => `app_private.receive_webhook('github', ${quote(acme(world).sources.open)},
      '{"x-github-event": "ping", "x-github-delivery": "d", "x-hub-signature-256": "sha256=00"}', '{}')`,
  },

  // What the worker runs for the whole platform
  'app_private.add_job(text,json,text,timestamp with time zone,text)': {
    ...platform(`app_private.add_job('email__send', '{}')`),
    isVoid: true,
  },
  'app_private.apply_webhook_event(uuid,uuid)': {
    by: 'worker for acme',
    call: (world) =>
      `app_private.apply_webhook_event(${quote(world.tenants.acme.id)}, ${quote(acme(world).webhookEvents.shared)})`,
    mixed: (world) => [
      `app_private.apply_webhook_event(${quote(world.tenants.evil.id)}, ${quote(acme(world).webhookEvents.shared)})`,
    ],
  },
  'app_private.dispatch_events(integer)': platform('app_private.dispatch_events()'),
  'app_private.ensure_partitions(integer)': platform('app_private.ensure_partitions()'),
  'app_private.measure_lag()': platform('app_private.measure_lag()'),
  'app_private.requeue_lost_deployments(uuid,uuid)': platform('app_private.requeue_lost_deployments()'),
  'app_private.seal_audit(integer)': platform('app_private.seal_audit()'),
  'app_private.seals_after(timestamp with time zone,uuid,bigint,integer)': platform('app_private.seals_after()'),
  'app_private.sweep_expired()': platform('app_private.sweep_expired()'),
  'app_private.wrap_keyring(jsonb)': {
    by: 'worker without a tenant',
    call: () => `app_private.wrap_keyring('{"current": "k1", "keys": {}}')`,
  },
  'app_private.decrypt_secret(text)': {
    by: 'worker without a tenant',
    setup: async (query) => (await query('select secret from app_private.webhook_source_secrets limit 1'))[0]!,
    call: (_, { secret }) => `app_private.decrypt_secret(${quote(secret!)})`,
  },
}
