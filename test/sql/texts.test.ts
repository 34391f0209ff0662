import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/deploy/database.ts'
import { startApi, type Api } from '../graphql/api.ts'
import { ask } from '../support/ask.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const BAD_LINES = {
  'a line feed': 'a\nb',
  'a tab': 'a\tb',
  'an escape': 'a\u001b[31mb',
  'a C1 control': 'a\u0085b',
  'a zero-width space': 'a\u200bb',
  'a byte order mark': '\ufeffa',
  'a word joiner': 'a\u2060b',
  'a right-to-left override': 'a\u202egpj.exe',
  'an isolate': 'a\u2066b\u2069',
  'a right-to-left mark': 'a\u200fb',
  'a paragraph separator': 'a\u2029b',
}
const BLANK = {
  nothing: '',
  blanks: '   ',
  'no-break spaces': '\u00a0\u2003\u3000',
  joiners: '\u200d\u200c',
  fillers: '\u3164\u2800',
}
const GOOD_LINES = ['Ünï', '👩‍👩‍👧‍👦 team', 'می\u200cخواهم', 'क्\u200dष', '日本', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', "O'Brien <o@b>", 'a  b', 'e\u0301']

const write = async (what: string, value: string) => {
  const fields: Record<string, [string, Record<string, unknown>]> = {
    user: [
      'mutation ($id: UUID!, $value: String!) { updateUser(input: {id: $id, patch: {name: $value}}) { user { name } } }',
      { id: api.ids.users.alice },
    ],
    tenant: [
      'mutation ($id: UUID!, $value: String!) { updateTenant(input: {id: $id, patch: {name: $value}}) { tenant { name } } }',
      { id: api.ids.tenants.acme },
    ],
    project: [
      'mutation ($id: UUID!, $value: String!) { updateProject(input: {id: $id, patch: {name: $value}}) { project { name } } }',
      { id: api.ids.projects.shop },
    ],
    team: ['mutation ($value: String!) { createTeam(input: {team: {name: $value}}) { team { name } } }', {}],
    key: ['mutation ($value: String!) { createApiKey(input: {name: $value}) { result { apiKeyId } } }', {}],
    'webhook source': [
      'mutation ($id: UUID!, $value: String!) { createWebhookSource(input: {projectId: $id, name: $value}) { result { path } } }',
      { id: api.ids.projects.shop },
    ],
    founding: [
      'mutation ($value: String!) { createTenant(input: {name: $value, slug: "another"}) { tenant { name } } }',
      {},
    ],
  }
  const [query, variables] = fields[what]!
  return await api.ask('alice', query, { ...variables, value })
}

describe.each(['user', 'tenant', 'project', 'team', 'key', 'webhook source', 'founding'])(
  'the name of a %s',
  (what) => {
    test.each(Object.entries({ ...BAD_LINES, ...BLANK }))(
      'is refused with %s, by the name of its field',
      async (_, value) => {
        // What surrounds a name is cut off by some functions.
        const { errors } = await write(what, value)
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
        if (value.replaceAll(' ', '') !== '')
          expect(errors![0]).toMatchObject({
            message: expect.stringMatching(/^name has to be one line/),
            extensions: { detail: { field: 'name' } },
          })
      },
    )
  },
)

test('names that people have are taken, joiners and all', async () => {
  for (const value of GOOD_LINES)
    expect([value, (await write('user', value)).data]).toEqual([value, { updateUser: { user: { name: value } } }])
})

const patch = (patch: Record<string, unknown>) =>
  api.ask(
    'alice',
    'mutation ($id: UUID!, $patch: UserPatch!) { updateUser(input: {id: $id, patch: $patch}) { user { id } } }',
    { id: api.ids.users.alice, patch },
  )

test('longer texts have lines and marks, and neither controls nor overrides', async () => {
  for (const bio of ['two\nlines\tand a tab\r\n', 'שלום\u200f!', '👩‍💻 ships', ''])
    expect([bio, (await patch({ bio })).errors]).toEqual([bio, undefined])
  for (const bio of ['a\u001bb', 'a\u202eb', 'a\u200bb', 'a\u2067b', '\u0007'])
    expect((await patch({ bio })).errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', detail: { field: 'bio' } } },
    ])
})

test('addresses on the web are http or https, with a host and without tricks', async () => {
  for (const websiteUrl of ['https://example.com/a?b=ü#c', 'http://localhost:3000', null])
    expect([websiteUrl, (await patch({ websiteUrl })).errors]).toEqual([websiteUrl, undefined])
  for (const websiteUrl of [
    'javascript:alert(1)',
    'data:text/html,x',
    ' https://example.com',
    'https://',
    'https:///path',
    'https://exa mple.com',
    'https://example.com/"onclick="x',
    'https://example.com/\u202egnp',
    'https://example.com\njavascript:x',
    'vbscript:x',
    'JAVASCRIPT:x',
  ])
    expect([websiteUrl, (await patch({ websiteUrl })).errors?.[0]?.extensions.code]).toEqual([
      websiteUrl,
      'BAD_USER_INPUT',
    ])
  expect((await patch({ avatarUrl: 'https://a b' })).errors![0]).toMatchObject({
    message: 'avatarUrl has to be an http or https URL without blanks and quotes.',
    extensions: { detail: { field: 'avatarUrl' } },
  })
})

test('infinity is no time', async () => {
  const { errors } = await api.ask(
    'alice',
    'mutation { createApiKey(input: {name: "k", expiresAt: "infinity"}) { result { token } } }',
  )
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', detail: { field: 'expiresAt' } } }])
  const logged = await api.ask(
    'bob',
    'mutation ($id: UUID!) { appendDeploymentLogs(input: {deploymentId: $id, lines: [{message: "x", source: RUNTIME, timestamp: "-infinity"}]}) { clientMutationId } }',
    { id: api.ids.deployments.shop },
  )
  expect(logged.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', detail: { field: 'timestamp' } } }])
  const kept = await api.ask(
    'bob',
    'mutation ($id: UUID!, $message: String!) { appendDeploymentLogs(input: {deploymentId: $id, lines: [{message: $message, source: RUNTIME}]}) { clientMutationId } }',
    { id: api.ids.deployments.shop, message: '\u001b[31mred\u001b[0m \u202e\t' },
  )
  expect(kept.errors).toBeUndefined()
})

test('what a daemon reports is named in one line', async () => {
  const { data } = await api.ask(
    'bob',
    'mutation { createApiKey(input: {name: "daemon", scopes: [WRITE]}) { result { token } } }',
  )
  const event = {
    id: api.ids.users.bob,
    entity_id: api.ids.users.bob,
    action: 'a\u202eb',
    created_at: '2026-01-01T00:00:00Z',
  }
  const send = (body: object) =>
    api.post('/audit', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${data.createApiKey.result.token}` },
    })
  expect(await send(event)).toMatchObject({ status: 422 })
  expect(await send({ ...event, action: 'ok', entity_type: 'a\nb' })).toMatchObject({ status: 422 })
  expect(await send({ ...event, action: 'ok', entity_type: 'disk' })).toMatchObject({ status: 200 })
})

test('nobody gives their tenant a domain that they did not prove', async () => {
  await expect(
    ask(api.database, { token: api.token('alice') }, `update app_public.tenants set domain = 'example.com'`),
  ).rejects.toMatchObject({ code: '42501' })
  const { errors } = await api.ask(
    'alice',
    'mutation ($id: UUID!) { updateTenant(input: {id: $id, patch: {domain: "example.com"}}) { tenant { id } } }',
    { id: api.ids.tenants.acme },
  )
  expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
  expect(
    await ask(
      api.database,
      { token: api.token('alice') },
      `update app_public.tenants set description = 'x' returning id`,
    ),
  ).toHaveLength(1)
})

test('an address that does not look like itself belongs to nobody', async () => {
  for (const email of [
    'a\u200bb@example.test',
    'a@exam\u202eple.test',
    'a\u0007@example.test',
    'a\u00a0b@example.test',
  ])
    await expect(api.database.superuser.query('select $1::app_public.email', [email])).rejects.toMatchObject({
      code: '23514',
    })
  await expect(api.database.superuser.query(`select 'jürgen@bücher.test'::app_public.email`)).resolves.toBeDefined()
})

test('a living database is cleaned, and what is not readable comes in no more', async () => {
  const { superuser, owner } = api.database
  const { rows: checks } = await superuser.query<{ tab: string; name: string; def: string }>(
    `select conrelid::regclass::text as tab, conname as name, pg_get_constraintdef(oid) as def from pg_constraint
     where conname ~ '_(finite|plain_[a-z]+)_check$' and coninhcount = 0 and not convalidated`,
  )
  expect(checks.length).toBeGreaterThan(30)
  // The release before: no checks, and people who made use of that.
  for (const { tab, name } of checks) await superuser.query(`alter table ${tab} drop constraint ${name}`)
  await superuser.query(
    `set session_replication_role = replica;
     update app_public.users set name = E'\u202eevil\u200b', bio = E'a\u0007b', website_url = 'https://a b' where id = '${api.ids.users.bob}';
     update app_public.users set name = ' ' where id = '${api.ids.users.vera}';
     update app_public.users set name = repeat(' ', 85) || E'bill\u200b' where id = '${api.ids.users.bill}';
     insert into app_public.deployments (tenant_id, project_id, environment_id, environment, commit_sha, provider, external_id)
       select tenant_id, project_id, environment_id, environment, commit_sha, 'p', 'i' from app_public.deployments where id = '${api.ids.deployments.shop}';
     insert into app_public.teams (tenant_id, name) values ('${api.ids.tenants.acme}', 'crew'), ('${api.ids.tenants.acme}', E'cr\u200bew');
     update app_public.deployments set status_reason = E'x\u202ey', provider = 'p', external_id = E'i\n' where id = '${api.ids.deployments.shop}';
     update app_public.tenants set domain = 'squatted.test' where id = '${api.ids.tenants.evil}';
     update app_public.api_keys set expires_at = 'infinity';
     reset session_replication_role`,
  )
  const committed = join(ROOT, 'migrations/committed')
  const file = readdirSync(committed).find((name) =>
    readFileSync(join(committed, name), 'utf8').includes('texts are readable'),
  )!
  await owner.query(
    `begin; set local row_security = off; set local "app.migration" = 'on'; set local search_path = pg_catalog, pg_temp;
     ${readFileSync(join(committed, file), 'utf8')}; commit`,
  )
  const user = (id: string) =>
    superuser.query(`select name, bio, website_url from app_public.users where id = $1`, [id])
  expect((await user(api.ids.users.bob)).rows).toEqual([{ name: 'evil', bio: 'ab', website_url: null }])
  expect((await user(api.ids.users.vera)).rows).toMatchObject([{ name: 'Unnamed' }])
  expect((await user(api.ids.users.bill)).rows).toMatchObject([{ name: 'bill' }])
  const { rows: teams } = await superuser.query(
    `select name from app_public.teams where name like 'crew%' order by name`,
  )
  expect(teams).toEqual([{ name: 'crew' }, { name: expect.stringMatching(/^crew [0-9a-f]{12}$/) }])
  const { rows } = await superuser.query(
    `select status_reason, external_id from app_public.deployments where id = $1`,
    [api.ids.deployments.shop],
  )
  expect(rows).toEqual([{ status_reason: 'xy', external_id: expect.stringMatching(/^i [0-9a-f]{12}$/) }])
  expect((await superuser.query('select from app_public.tenants where domain is not null')).rows).toEqual([])
  expect((await superuser.query(`select from app_public.api_keys where not isfinite(expires_at)`)).rows).toEqual([])
  const { rows: after } = await superuser.query<{ tab: string; name: string; def: string }>(
    `select conrelid::regclass::text as tab, conname as name, pg_get_constraintdef(oid) as def from pg_constraint
     where conname ~ '_(finite|plain_[a-z]+)_check$' and coninhcount = 0 and not convalidated`,
  )
  const sorted = (list: typeof after) => list.map((each) => JSON.stringify(each)).sort()
  expect(sorted(after)).toEqual(sorted(checks))
  // What was cleaned is in the ledger, the name apart from the rest.
  const { rows: versions } = await superuser.query(
    `select personal -> 'diff' ->> 'name' as before, snapshot ? 'name' as is_told from audit.row_versions where table_name = 'users' and row_id = $1 order by id desc limit 1`,
    [api.ids.users.bob],
  )
  expect(versions).toEqual([{ before: '\u202eevil\u200b', is_told: false }])
})
