import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { runChecks, type Offence } from '../../src/deploy/apply.ts'
import { ROOT } from '../../src/deploy/database.ts'
import { BODIES_LAW, checkFunctionBodies } from '../../src/deploy/functionBodies.ts'
import { lawOf, readSources, REGISTRY } from '../../src/deploy/sources.ts'
import { FILE_LAW_NAMES, runFileLaws } from '../../src/dev/proof/laws.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let client: pg.PoolClient

beforeAll(async () => {
  database = await testDatabase()
  await database.owner.query('select app_private.ensure_partitions()')
  client = await database.superuser.connect()
})
afterAll(async () => {
  client?.release()
  await database?.close()
})

/** Every law that is broken, in order; each named once. In a transaction. */
async function brokenLaws(): Promise<{ laws: string[]; offences: Offence[] }> {
  const offences = [
    ...(await checkFunctionBodies(client, await readSources(ROOT))),
    ...(await runChecks(client, ROOT)),
    ...(await runFileLaws(client, ROOT)),
  ]
  return { laws: [...new Set(offences.map((offence) => offence.law))], offences }
}

/** A partition of the current month, whichever that is. */
const onAPartition = (statement: string) => `
  do $$ begin execute format('${statement.replaceAll("'", "''")}',
    (select inhrelid::regclass from pg_inherits where inhparent = 'app_public.events'::regclass limit 1)); end $$`

/** A table that keeps every law but the one it is made to break. */
const table = (name: string, columns: string, more = '') => `
  create table app_private.${name} (${columns});
  comment on table app_private.${name} is 'A table.';
  alter table app_private.${name} owner to freehold_owner;
  alter table app_private.${name} enable row level security, force row level security;
  create policy all_system on app_private.${name} for all to app_system using (true) with check (true);
  comment on policy all_system on app_private.${name} is 'A door.';
  ${more}`
const walls = (name: string) => `
  create policy tenant_isolation on app_private.${name} as restrictive for all to app_user, freehold_worker
    using (tenant_id = (select app_hidden.current_tenant_id())) with check (tenant_id = (select app_hidden.current_tenant_id()));
  comment on policy tenant_isolation on app_private.${name} is 'The wall.';`
const pens = (columns: string, more = '') => table('pens', columns, more)
const tenantPens = (columns: string, more = '') => pens(columns, walls('pens') + more)
/** What a table without a policy file breaks besides. */
const noFile = ['each table has its policy file and each file its table', 'every table has its row in the registry']
/** The registry with one thing written otherwise. */
function registry(now: string, otherwise: string): string {
  const text = readFileSync(join(ROOT, REGISTRY), 'utf8')
  if (text.split(now).length !== 2) throw new Error(`the registry has not just one ${now}`)
  return text.replace(now, otherwise)
}

/** Its as-of functions, which are generated, do not return it yet. */
const noNewColumn = ['function bodies are valid']
const noFunctionFile = ['each function has its file and each file its function']

const fn = (
  schema: string,
  head: string,
  body = 'select 1',
  result = 'integer',
  attributes = '',
  owner = 'freehold_owner',
) => `
  create function ${schema}.${head} returns ${result} language sql ${attributes} as $$ ${body} $$;
  do $$ begin
    execute 'revoke execute on function ' || to_regproc('${schema}.${head.split('(')[0]}') || ' from public';
    execute 'alter function ' || to_regproc('${schema}.${head.split('(')[0]}') || ' owner to ${owner}';
    execute 'comment on function ' || to_regproc('${schema}.${head.split('(')[0]}') || ' is ''A function.''';
  end $$;`

/** How each law is broken, whom it names, and which other laws cannot but be broken with it. */
const breaks: Record<string, { sql: string; offender: string; besides?: string[] }> = {
  'a count outlives its refusal': {
    sql: `create or replace function app_private.is_known_device(user_id uuid, token text) returns boolean
      language plpgsql volatile security definer set search_path to pg_catalog, pg_temp as $$ begin
        perform app_private.require_session(), app_private.take_rate_limit('login_device', token, 900, 10);
        perform app_private.check_new_password(token);
        return true;
      end $$`,
    offender: 'app_private.is_known_device',
    besides: ['each function says what it raises'],
  },
  'a table with a tenant begins its primary key with it': {
    sql: pens('tenant_id uuid not null, id uuid not null default uuidv7(), constraint pens_pkey primary key (id)'),
    offender: 'app_private.pens',
    besides: noFile,
  },
  'anonymous calls few functions': {
    sql: 'grant execute on function app_public.create_tenant(text, text, text) to app_anonymous',
    offender: 'app_public.create_tenant(',
  },
  'anonymous reads and writes no table': {
    sql: 'grant select (name) on app_public.event_types to app_anonymous',
    offender: 'app_public.event_types',
  },
  'app system sees every table': {
    sql: 'drop policy all_system on app_public.teams',
    offender: 'app_public.teams',
  },
  'app user never writes the tenant': {
    sql: 'grant insert (tenant_id) on app_public.teams to app_user',
    offender: 'app_public.teams.tenant_id',
  },
  'app user writes columns not tables': {
    sql: 'grant update on app_public.users to app_user',
    offender: 'app_public.users',
    // Times, too.
    besides: ['times that callers give are finite'],
  },
  'booleans are not null': {
    sql: `alter table app_public.teams add column is_open boolean; comment on column app_public.teams.is_open is 'Open.'`,
    offender: 'app_public.teams.is_open',
    besides: noNewColumn,
  },
  'columns have the chosen types': {
    sql: `alter table app_public.teams add column seen_at timestamp; comment on column app_public.teams.seen_at is 'Local time.'`,
    offender: 'app_public.teams.seen_at',
    besides: noNewColumn,
  },
  'documents are bounded in depth': {
    sql: 'drop trigger _200_refuse_depth on app_public.tenants',
    offender: 'app_public.tenants.settings',
  },
  'constraints and indexes have written names': {
    sql: 'alter table app_public.teams add check (length(description) < 5000), add check (length(description) < 6000)',
    offender: 'app_public.teams.teams_description_check1',
  },
  'definer functions belong to app system': {
    sql: 'alter function app_public.leave_tenant() owner to freehold_owner',
    offender: 'app_public.leave_tenant()',
  },
  'definer functions pin their search path': {
    sql: `alter function app_public.leave_tenant() set search_path to ''`,
    offender: 'app_public.leave_tenant()',
  },
  'doors of global tables ask who comes': {
    sql: 'alter policy select_joined on app_public.tenants using (is_active)',
    offender: 'app_public.tenants.select_joined',
  },
  'doors of projects ask the rank in the project': {
    sql: `alter policy select_developer on app_public.webhook_events using (
      tenant_id = (select app_hidden.current_tenant_id())
      and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
      and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
      and (select app_hidden.has_role('developer')))`,
    offender: 'app_public.webhook_events.select_developer',
  },
  'doors of projects test visibility and key': {
    sql: `alter policy select_developer on app_public.webhook_events using (
      tenant_id = (select app_hidden.current_tenant_id())
      and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())))`,
    offender: 'app_public.webhook_events.select_developer',
  },
  'doors of tenant tables repeat the tenant test': {
    sql: `alter policy select_member on app_public.teams
      using (tenant_id = (select app_hidden.current_tenant_id()) or (select app_hidden.has_role('admin')))`,
    offender: 'app_public.teams.select_member',
  },
  'every foreign key has an index': {
    sql: 'drop index app_public.teams_owner_id_idx',
    offender: 'app_public.teams.teams_owner_id_fkey',
  },
  'every index is valid': {
    sql: `update pg_index set indisvalid = false where indexrelid = 'app_public.teams_name_key'::regclass`,
    offender: 'app_public.teams_name_key',
  },
  'every table has a primary key': {
    sql: pens('color text not null'),
    offender: 'app_private.pens',
    besides: noFile,
  },
  'every table has row security enabled and forced': {
    sql: onAPartition('alter table %s no force row level security'),
    offender: 'partitions.events_p',
  },
  'exposed functions have no overloads': {
    sql: fn('app_public', 'leave_tenant(tenant_id uuid)').replaceAll(
      `to_regproc('app_public.leave_tenant')`,
      `'app_public.leave_tenant(uuid)'::regprocedure`,
    ),
    offender: 'app_public.leave_tenant',
  },
  'exposed views ask the policies of their reader': {
    sql: `create view app_public.all_teams as select name from app_public.teams; comment on view app_public.all_teams is 'Teams.';
      comment on column app_public.all_teams.name is 'Name.'`,
    offender: 'all_teams',
    besides: ['each view has its file and each file its view'],
  },
  'every table is audited or excused': {
    sql: 'drop trigger _900_audit_delete on app_public.projects',
    offender: 'app_public.projects',
  },
  'every table has its row in the registry': {
    sql: registry(`'app_private.user_tokens'`, `'app_private.user_tickets'`),
    offender: 'app_private.user_tokens',
  },
  'secrets never enter the ledger': {
    sql: `alter table app_private.user_secrets add column backup_secret text;
      comment on column app_private.user_secrets.backup_secret is 'Something new.'`,
    offender: 'app_private.user_secrets.backup_secret',
  },
  'audit is append only': {
    sql: 'grant delete on audit.row_versions to app_system',
    offender: 'audit.row_versions',
  },
  'foreign keys say what happens on delete': {
    sql: `alter table app_public.teams drop constraint teams_owner_id_fkey,
      add constraint teams_owner_id_fkey foreign key (tenant_id, owner_id) references app_public.tenant_members (tenant_id, user_id)`,
    offender: 'app_public.teams.teams_owner_id_fkey',
  },
  'foreign keys stay inside the tenant': {
    sql: tenantPens(
      `tenant_id uuid not null, id uuid not null default uuidv7(), team_tenant_id uuid not null, team_id uuid not null,
      constraint pens_pkey primary key (tenant_id, id),
      constraint pens_team_id_fkey foreign key (team_tenant_id, team_id) references app_public.teams (tenant_id, id) on delete cascade`,
      'create index pens_team_id_idx on app_private.pens (team_tenant_id, team_id)',
    ),
    offender: 'app_private.pens.pens_team_id_fkey',
    besides: noFile,
  },
  'function bodies are valid': {
    sql: `alter table app_public.teams rename column owner_id to leader_id`,
    offender: 'app_public.team_as_of(',
  },
  'functions are born shut': {
    sql: 'alter default privileges for role freehold_owner grant execute on functions to public',
    offender: 'freehold_owner',
  },
  'operators call their functions and touch no table': {
    sql: 'grant select on app_public.teams to app_operator',
    offender: 'app_public.teams',
  },
  'functions are not for public': {
    sql: 'grant execute on function app_hidden.current_tenant_id() to public',
    offender: 'app_hidden.current_tenant_id()',
    besides: ['operators call their functions and touch no table'],
  },
  'functions in policies are fast': {
    sql: 'alter function app_hidden.current_tenant_id() volatile',
    offender: 'app_hidden.current_tenant_id()',
    besides: ['volatility is honest'],
  },
  'functions of app private are called by few': {
    sql: 'grant execute on function app_private.decrypt_secret(text) to app_user',
    offender: 'app_private.decrypt_secret(text)',
  },
  'global tables never reference tenant tables': {
    sql: pens(
      `id uuid not null default uuidv7(), owner_tenant_id uuid not null, team_id uuid not null, constraint pens_pkey primary key (id),
      constraint pens_team_id_fkey foreign key (owner_tenant_id, team_id) references app_public.teams (tenant_id, id) on delete cascade`,
      'create index pens_team_id_idx on app_private.pens (owner_tenant_id, team_id);',
    ),
    offender: 'app_private.pens.pens_team_id_fkey',
    besides: noFile,
  },
  'ids are version seven uuids': {
    sql: 'alter table app_public.teams alter column id set default gen_random_uuid()',
    offender: 'app_public.teams.id',
  },
  'keys of tenant tables begin with the tenant': {
    sql: 'create unique index teams_description_key on app_public.teams (description)',
    offender: 'app_public.teams_description_key',
  },
  'no materialized view is granted': {
    sql: `create materialized view app_hidden.teams_mv as select name from app_public.teams;
      comment on materialized view app_hidden.teams_mv is 'Teams.'; grant select on app_hidden.teams_mv to app_user`,
    offender: 'app_hidden.teams_mv',
  },
  'only owners may create': {
    sql: 'grant create on schema app_public to app_user',
    offender: 'app_public',
  },
  'parameters of exposed functions have names': {
    sql: fn('app_public', 'nameless(integer)'),
    offender: 'app_public.nameless(integer)',
    besides: noFunctionFile,
  },
  'partitions are reached through their parent': {
    sql: onAPartition('grant select on %s to app_user'),
    offender: 'partitions.events_p',
  },
  'policies are explained': {
    sql: 'comment on policy select_member on app_public.teams is null',
    offender: 'app_public.teams.select_member',
  },
  'policies are named for what they open': {
    sql: 'alter policy select_member on app_public.teams rename to update_member',
    offender: 'app_public.teams.update_member',
  },
  'policies call context functions once a statement': {
    sql: `alter policy select_self on app_public.sessions using (user_id = app_hidden.current_user_id())`,
    offender: 'app_public.sessions.select_self',
  },
  'policies name roles and let nobody anonymous in': {
    sql: 'alter policy select_self on app_public.sessions to public',
    offender: 'app_public.sessions.select_self',
  },
  'private schemas are shut': {
    sql: 'grant usage on schema partitions to app_user',
    offender: 'partitions',
  },
  'roles hold no power beyond their own': {
    sql: 'alter role app_user bypassrls',
    offender: 'app_user',
  },
  'rows of a tenant keep their identity': {
    sql: 'alter table app_public.teams disable trigger _200_keep_identity',
    offender: 'app_public.teams',
  },
  'tenant tables are walled': {
    sql: 'alter policy tenant_isolation on app_public.teams using (true)',
    offender: 'app_public.teams',
  },
  'texts are readable': {
    sql: 'alter table app_public.users drop constraint users_bio_plain_text_check, drop constraint users_bio_check',
    offender: 'app_public.users.bio',
  },
  'times that callers give are finite': {
    sql: 'alter table app_public.api_keys drop constraint api_keys_expires_at_finite_check',
    offender: 'create_api_key.expires_at',
  },
  'triggers are numbered and named for their function': {
    sql: 'alter trigger _200_check_team on app_public.projects rename to check_team',
    offender: 'app_public.projects.check_team',
  },
  'updated at is indexed': {
    sql: 'drop index app_public.teams_updated_at_idx',
    offender: 'app_public.teams',
  },
  'updated at is kept by trigger': {
    sql: 'alter table app_public.teams disable trigger _100_set_updated_at',
    offender: 'app_public.teams',
  },
  'volatility is honest': {
    sql: `alter function app_private.require_role(app_public.member_role, text, boolean) stable`,
    offender: 'app_private.require_role(',
  },
  'what is exposed is explained': {
    sql: 'comment on column app_public.teams.name is null',
    offender: 'app_public.teams.name',
  },
  'each function has its file and each file its function': {
    sql: fn('app_hidden', 'unfiled()'),
    offender: 'app_hidden.unfiled',
  },
  'each function says what it raises': {
    sql: `create or replace function app_private.require_session() returns uuid language plpgsql volatile
      set search_path to pg_catalog, pg_temp
      as 'begin perform app_hidden.raise_error(401, ''TOO_EARLY'', ''Come back later''); end'`,
    offender: 'app_private.require_session',
  },
  'each table has its policy file and each file its table': {
    sql: pens('id uuid not null default uuidv7(), constraint pens_pkey primary key (id)'),
    offender: 'app_private.pens',
    besides: ['every table has its row in the registry'],
  },
  'each table with triggers has its file and each file its table': {
    sql: 'drop trigger _500_wake_dispatcher on app_private.undispatched_events',
    offender: 'sql/triggers/app_private/undispatched_events.sql',
  },
  'each view has its file and each file its view': {
    sql: `create view app_private.unfiled as select 1 as one; comment on view app_private.unfiled is 'One.'`,
    offender: 'app_private.unfiled',
  },
}

test('every law holds', async () => {
  await client.query('begin')
  const { offences } = await brokenLaws()
  await client.query('rollback')
  expect(offences).toEqual([])
})

test('every law has a case below that breaks it', () => {
  const laws = readdirSync(join(ROOT, 'sql/checks'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sql'))
    .map((file) => lawOf(file))
  expect(Object.keys(breaks).sort()).toEqual([...laws, BODIES_LAW, ...FILE_LAW_NAMES].sort())
})

test.each(Object.entries(breaks))(
  '%s, and is found when it is broken',
  async (law, { sql, offender, besides = [] }) => {
    await client.query('begin')
    try {
      await client.query(sql)
      const { laws, offences } = await brokenLaws()
      expect(laws.sort()).toEqual([law, ...besides].sort())
      const offence = offences.find((each) => each.law === law)
      expect(offence?.offender).toContain(offender)
      // Null anywhere in it would make the whole of it null.
      expect([offence?.why, offence?.mend]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)])
    } finally {
      await client.query('rollback')
    }
  },
)

test.each([
  ['a table without a row', `'app_private.emails'`, `'app_private.letters'`, 'app_private.emails', 'does not know it'],
  ['a row without a table', `'app_private.emails'`, `'app_private.letters'`, 'app_private.letters', 'no such table'],
  ['two rows of one table', `'app_private.emails'`, `'app_private.rate_limits'`, 'app_private.rate_limits', 'twice'],
  [
    'a misspelt fact',
    '"not_audited": "a queue"',
    '"not_audited": "a queue", "part": 1',
    'undispatched_events part',
    'no such fact',
  ],
  [
    'a column that is not there',
    '["last_received_at"],\n    "not_erased"',
    '["last_seen"],\n    "not_erased"',
    'webhook_sources.last_seen',
    'none of that name',
  ],
  [
    'the wrong tenancy',
    `'app_private.emails', 'platform', 'global'`,
    `'app_private.emails', 'platform', 'tenant'`,
    'app_private.emails',
    'does not begin with tenant_id',
  ],
  [
    'neither audited nor excused',
    '{"not_audited": "a queue"}',
    '{}',
    'undispatched_events',
    'neither readers nor not_audited',
  ],
  [
    'audited and excused',
    '{"not_audited": "a queue"}',
    '{"not_audited": "a queue", "readers": "admin", "not_erased": "", "not_exported": "", "not_reverted": ""}',
    'undispatched_events',
    'neither readers nor not_audited',
  ],
  [
    'no word on erasure',
    `"not_erased": "it names the person by id alone",\n    "export": "teams"`,
    '"export": "teams"',
    'team_members',
    'neither erase nor not_erased',
  ],
  [
    'no word on export',
    '"erase": "delete", "not_exported": "a secret is shown to nobody",',
    '"erase": "delete",',
    'user_secrets',
    'neither export nor not_exported',
  ],
  ['no word on revert', '"revert": {"order": 2}', '"is_live": false', 'teams', 'neither revert nor not_reverted'],
  [
    'an erasure of a kind there is not',
    'hashes of one-time tokens", "person": "user_id", "erase": "delete"}',
    'hashes of one-time tokens", "person": "user_id", "erase": "forget"}',
    'user_tokens',
    'erase is delete or blank',
  ],
  [
    'an erasure of nobody in particular',
    'hashes of one-time tokens", "person": "user_id", "erase": "delete"}',
    'hashes of one-time tokens", "erase": "delete"}',
    'user_tokens',
    'person is missing',
  ],
  [
    'personal columns that erasure leaves',
    '"erase": "blank", "export": "auditLogs"',
    '"export": "auditLogs"',
    'audit_logs',
    'erasure leaves them',
  ],
  [
    'nothing to blank',
    'hashes of one-time tokens", "person": "user_id", "erase": "delete"}',
    'hashes of one-time tokens", "person": "user_id", "erase": "blank"}',
    'user_tokens',
    'no personal columns',
  ],
  ['a revert without an order', '"revert": {"order": 2}', '"revert": {}', 'teams', 'its order'],
  [
    'partitions that nobody made',
    '"not_audited": "ids of what is logged already"',
    '"not_audited": "", "partition": {"column": "created_at", "every": "1 month", "ahead": 3}',
    'audit_event_ids',
    'partitioned',
  ],
  [
    'partitions by another interval',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 month"',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 week"',
    'deployment_logs',
    '1 month',
  ],
  [
    'a misspelt fact within a fact',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 month", "ahead"',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 month", "ahed"',
    'deployment_logs partition.ahed',
    'no such fact',
  ],
  [
    'partitions nobody makes ahead',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 month", "ahead": 3}',
    '"is_live": true,\n    "partition": {"column": "created_at", "every": "1 month"}',
    'deployment_logs',
    'ahead (1 to 24)',
  ],
  ['named people without an address', '"address": "email", ', '', 'webhook_events', 'named_people needs'],
  ['a path that is no list of strings', '["pusher"]', '[7]', 'webhook_events', 'named_people needs'],
  [
    'other people named than the trigger notes',
    '["pusher"]',
    '["sender"]',
    'webhook_events',
    'compiled from other facts',
  ],
  ['one place in a revert for two tables', '"revert": {"order": 2}', '"revert": {"order": 3}', 'teams', 'same order'],
  [
    'nothing said of the erasure of somebody',
    '"not_audited": "hashes of one-time tokens", "person": "user_id", "erase": "delete"}',
    '"not_audited": "hashes of one-time tokens", "person": "user_id"}',
    'user_tokens',
    'neither erase nor not_erased',
  ],
  ['a column that can not be blanked', `, "name": "''Erased''"`, '', 'users.name', 'may not be null'],
])('the registry is refused with %s', async (_what, now, otherwise, offender, why) => {
  await client.query('begin')
  try {
    await client.query(registry(now, otherwise))
    const { offences } = await brokenLaws()
    expect(offences).toContainEqual(
      expect.objectContaining({
        law: 'every table has its row in the registry',
        offender: expect.stringContaining(offender),
        why: expect.stringContaining(why),
      }),
    )
  } finally {
    await client.query('rollback')
  }
})
