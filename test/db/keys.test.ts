import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { NEEDS_KEYS } from '../../generated/types/functions.ts'
import { keysFor, lendingKeys, needsKeys } from '../../src/db/keys.ts'
import { createPool } from '../../src/db/pools.ts'
import { withTenant } from '../../src/db/withTenant.ts'
import { authenticate } from '../support/ask.ts'
import { TEST_KEYRING } from '../support/database.ts'
import { startApi, type Api } from '../graphql/api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const SETTING = `select coalesce(current_setting('app.keyring', true), '') as ring, current_user as "user"`
const MASTER = TEST_KEYRING.keys.k1!

test('a request, a task and a connection that had the ring before find nothing of it', async () => {
  const { database, token } = api
  const claims = await authenticate(database, token('bob'))
  const seen = async (pool: pg.Pool, fn: Parameters<typeof withTenant>[1] = claims) =>
    (await withTenant(pool, fn, (client) => client.query(SETTING))).rows[0]
  expect(await seen(database.authenticator)).toEqual({ ring: '', user: 'app_user' })
  const task = { tenant_id: api.ids.tenants.acme }
  expect(await seen(database.worker, task)).toEqual({ ring: '', user: 'freehold_worker' })

  // One connection alone, so that it is the one that had it.
  for (const [url, call, as] of [
    [database.urls.authenticator, `select from app_private.receive_webhook('github', uuidv7(), '{}', '')`, claims],
    [database.urls.worker, `select app_private.decrypt_secret('x')`, task],
  ] as const) {
    const pool = createPool(url, { name: 'freehold-test-one', size: 1, keyring: TEST_KEYRING })
    try {
      await expect(lendingKeys(pool).query(call)).rejects.toThrow()
      expect(await lendingKeys(pool).query('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] })
      expect((await pool.query(SETTING)).rows[0].ring).toBe('')
      expect((await seen(pool, as)).ring).toBe('')
    } finally {
      await pool.end()
    }
  }
})

test('a call that is lent the ring has it wrapped, so that app_user reads noise there too', async () => {
  const { database } = api
  const [[name, value]] = (await keysFor(database.authenticator, 'select from app_public.enable_totp()')) as [
    [string, string],
  ]
  const claims = await authenticate(database, api.token('bob'))
  const read = await withTenant(database.authenticator, claims, async (client) => {
    await client.query('select set_config($1, $2, true)', [name, value])
    const { rows } = await client.query<{ ring: string }>(SETTING)
    const refusals = []
    for (const sql of [
      'select key from app_private.wrapping_keys',
      'select app_private.current_keyring()',
      `select app_private.derive_key('k1')`,
      `select app_private.wrap_keyring('{}')`,
    ]) {
      await client.query('savepoint s')
      refusals.push(await client.query(sql).catch((error: { code: string }) => error.code))
      await client.query('rollback to savepoint s')
    }
    // And yet there is something to deny: the function itself has it.
    const { rows: enrolled } = await client.query('select secret from app_public.enable_totp($1)', ['password of bob'])
    return { ring: rows[0]!.ring, refusals, enrolled }
  })
  expect(read.refusals).toEqual(['42501', '42501', '42501', '42501'])
  expect(read.enrolled).toHaveLength(1)
  for (const spelling of [MASTER, Buffer.from(MASTER, 'base64').toString('hex')])
    expect(Buffer.from(read.ring.split('.')[1]!, 'base64url').toString('latin1') + read.ring).not.toContain(spelling)
  const { rows } = await database.superuser.query('select app_private.current_keyring() as ring')
  expect(rows[0].ring).toEqual(TEST_KEYRING)
})

test('a ring that was altered, or that another database wrapped, is refused', async () => {
  const { database } = api
  const client = await database.superuser.connect()
  try {
    const { rows } = await client.query<{ ring: string }>(SETTING)
    const [id, body, tag] = rows[0]!.ring.split('.') as [string, string, string]
    const altered = Buffer.from(body, 'base64url')
    altered[20]! ^= 1
    for (const ring of [
      [id, altered.toString('base64url'), tag].join('.'),
      [id, body, randomBytes(32).toString('base64url')].join('.'),
      ['0199e2a0-0000-7000-8000-000000000000', body, tag].join('.'),
      'x',
    ]) {
      await client.query(`select set_config('app.keyring', $1, false)`, [ring])
      await expect(client.query('select app_private.current_keyring()')).rejects.toThrow('was not wrapped')
    }
    await client.query(`select set_config('app.keyring', $1, false)`, [rows[0]!.ring])
    expect((await client.query('select app_private.current_keyring() as ring')).rows[0].ring).toEqual(TEST_KEYRING)
    // The release before gave its connections the ring open, and runs on while this one is applied.
    await client.query(`select set_config('app.keyring', $1, false)`, [JSON.stringify(TEST_KEYRING)])
    await expect(client.query(`select app_private.encrypt_secret('x')`)).resolves.toMatchObject({ rowCount: 1 })
  } finally {
    client.release(true)
  }
})

test('which statements need the ring is told by the functions they call', () => {
  for (const name of NEEDS_KEYS) {
    const [schema, short] = name.split('.')
    for (const text of [`select * from ${name}($1)`, `select x from "${schema}"."${short}"(\n$1)`])
      expect([text, needsKeys(text)]).toEqual([text, true])
  }
  for (const text of [
    'select * from app_public.current_user()',
    'select "app_public"."users"."name" from "app_public"."users"',
    `select app_public.logins(1)`,
    'insert into "app_public"."projects" ("name") values ($1)',
  ])
    expect([text, needsKeys(text)]).toEqual([text, false])
})

test('the list of them is what the catalog says', async () => {
  const { rows } = await api.database.superuser.query<{ name: string }>(`
    with recursive reach (name) as (
      values ('app_private.current_keyring')
      union
      select n.nspname::text || '.' || p.proname::text collate "default"
      from reach r
      join pg_proc p on regexp_replace(p.prosrc, '--[^\\n]*', '', 'g') ~ ('\\m' || replace(r.name, '.', '[.]') || '\\s*[(]')
      join pg_namespace n on n.oid = p.pronamespace)
    select r.name
    from reach r
    join pg_namespace n on n.nspname = split_part(r.name, '.', 1)
    join pg_proc p on p.pronamespace = n.oid and p.proname = split_part(r.name, '.', 2)
    where exists (
      select from unnest('{app_anonymous,app_user,app_operator,freehold_authenticator,freehold_worker}'::text[]) role
      where has_function_privilege(role, p.oid, 'execute'))
    order by 1`)
  expect(rows.map(({ name }) => name)).toEqual([...NEEDS_KEYS])
  expect(rows.map(({ name }) => name)).toContain('app_public.login')
})

test('what needs the ring works through the API, and what does not never gets it', async () => {
  // Every statement that runs is asked what it was lent.
  const lent = await api.database.superuser.query(`
    create table public.lent (call text, ring text);
    grant insert on public.lent to public;
    grant usage on schema public to public;
    create function public.note() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
    begin
      insert into public.lent values (TG_TABLE_NAME, coalesce(current_setting('app.keyring', true), ''));
      return null;
    end $$;
    create trigger note after insert or update on app_public.projects for each statement execute function public.note();
    create trigger note after insert or update on app_public.webhook_sources for each statement execute function public.note();`)
  expect(lent).toBeDefined()
  const done = async (query: string) => {
    const { data, errors } = await api.ask('alice', query)
    expect(errors).toBeUndefined()
    return Object.values(data)[0] as any
  }
  const { shop } = api.ids.projects
  const { result } = await done(
    `mutation { createWebhookSource(input: {projectId: "${shop}", name: "hub"}) { result { webhookSourceId secret } } }`,
  )
  await done(`mutation { updateProject(input: {id: "${shop}", patch: {description: "x"}}) { project { id } } }`)
  const { rows } = await api.database.superuser.query('select call, ring from public.lent')
  expect(rows.find(({ call }) => call === 'webhook_sources').ring).toMatch(/^[0-9a-f-]{36}[.]/)
  expect(rows.filter(({ call }) => call === 'projects')).toEqual([{ call: 'projects', ring: '' }])
  expect(JSON.stringify(rows)).not.toContain(MASTER)

  const rotated = await done(
    `mutation { rotateWebhookSourceSecret(input: {id: "${result.webhookSourceId}"}) { result { secret } } }`,
  )
  expect(rotated.result.secret).not.toBe(result.secret)
  expect(
    (await done('mutation { enableTotp(input: {password: "password of alice"}) { result { secret } } }')).result,
  ).toBeDefined()
  await done('mutation { inviteMember(input: {email: "new@new.test"}) { clientMutationId } }')
})
