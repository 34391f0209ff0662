import { jest } from '@jest/globals'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { createPool } from '../../src/db/pools.ts'
import { HASHING_FUNCTIONS, MAX_WAITING } from '../../src/graphql/hashingLane.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { makeLogger } from '../../src/log.ts'
import { makeApp, type App } from '../../src/server/app.ts'
import { TEST_KEYRING, testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople, type People } from '../support/people.ts'
import { until } from '../support/until.ts'

const LANES = 2
/** Log-ins that wait for the lane. */
const CROWD = 20
/** What a hash waits for in these tests, so that it lasts as long as they want. */
const GATE = 4711

let database: TestDatabase
let people: People
let pools: pg.Pool[]
let app: App
let server: Server
let url: string
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  pools = [3, LANES].map((size, lane) =>
    createPool(database.urls.authenticator, {
      name: lane ? 'freehold-hashing' : 'freehold-api',
      size,
      keyring: TEST_KEYRING,
    }),
  )
  app = await makeApp({
    config: {
      cors: false,
      introspection: true,
      graphiql: false,
      bodyMaxBytes: 1_048_576,
      webhookMaxBytes: 1_048_576,
      limits: DEFAULT_LIMITS,
      trustedProxies: 1,
    },
    pool: pools[0]!,
    hashingPool: pools[1]!,
    authenticatorUrl: database.urls.authenticator,
    log: makeLogger({ level: 'silent' }),
  })
  server = createServer(app.express)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
})
afterAll(async () => {
  await app.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await Promise.all(pools.map((pool) => pool.end()))
  await database.close()
})

const LOGIN = `mutation ($email: String!) { login(input: {email: $email, password: "a guess at it"}) { result { token } } }`

const ask = async (
  query: string,
  { token, ip = '192.0.2.1', variables = {} }: { token?: string; ip?: string; variables?: object } = {},
) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': ip,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
  return (await response.json()) as { data?: any; errors?: { extensions: { code: string } }[] }
}

test('many log-ins at once hold no more connections than the lane has, and everybody else is answered', async () => {
  const {
    rows: [{ definition }],
  } = await database.superuser.query(
    `select pg_get_functiondef('app_private.is_password_of(uuid, text)'::regprocedure) as definition`,
  )
  // Waits instead of hashing, for as long as the gate is shut.
  await database.superuser.query(`
    create or replace function app_private.is_password_of(user_id uuid, password text) returns boolean
      language plpgsql volatile security definer set search_path to pg_catalog, pg_temp
      as $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return false; end $$`)
  // The first of its kind is planned, and the connections of the lane are made.
  await Promise.all(['first', 'second'].map((name) => ask(LOGIN, { variables: { email: `${name}@example.test` } })))
  const gate = await database.superuser.connect()
  await gate.query('select pg_advisory_lock($1)', [GATE])
  const waiting = async () =>
    (
      await database.superuser.query(
        `select count(*)::integer as held, count(*) filter (where application_name like 'freehold-hashing%')::integer as lane
         from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
      )
    ).rows[0]

  const answers: { data?: any; errors?: { extensions: { code: string } }[] }[] = []
  const login = async (i: number) => {
    answers.push(await ask(LOGIN, { ip: `198.18.0.${i}`, variables: { email: `who${i}@example.test` } }))
  }
  const logins = Array.from({ length: LANES + CROWD }, (_, i) => login(i))
  await until(async () => (await waiting()).lane === LANES && pools[1]!.waitingCount === CROWD)
  expect(await waiting()).toEqual({ held: LANES, lane: LANES })
  // Others are many, and one after the other, and have the pool for themselves.
  for (const person of [people.alice, people.mallory]) {
    const both = await Promise.all(
      Array.from({ length: 6 }, () => ask('{ currentUser { id } }', { token: person.token })),
    )
    expect(both).toEqual(Array(6).fill({ data: { currentUser: { id: person.id } } }))
  }
  expect(await ask('{ currentUser { id } }')).toEqual({ data: { currentUser: null } })
  expect(pools[0]!.waitingCount).toBe(0)

  await gate.query('select pg_advisory_unlock($1)', [GATE])
  gate.release()
  await Promise.all(logins)
  expect(answers.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual(
    Array(LANES + CROWD).fill('INVALID_CREDENTIALS'),
  )
  await database.superuser.query(definition)
})

test('when a hundred wait for the lane, whoever comes on top is told so at once, and others are answered', async () => {
  const lane = pools[1]!
  const waitingCount = jest.spyOn(lane, 'waitingCount', 'get')
  try {
    waitingCount.mockReturnValue(MAX_WAITING)
    const { errors } = await ask(LOGIN, { variables: { email: 'late@example.test' } })
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['OVERLOADED'])
    expect((await ask('{ currentUser { id } }', { token: people.alice.token })).errors).toBeUndefined()
    waitingCount.mockReturnValue(MAX_WAITING - 1)
    const next = await ask(LOGIN, { variables: { email: 'late@example.test' } })
    expect(next.errors?.map(({ extensions }) => extensions.code)).toEqual(['INVALID_CREDENTIALS'])
  } finally {
    waitingCount.mockRestore()
  }
})

test('who hashes is in the lane, and nobody else', async () => {
  const { rows } = await database.superuser.query<{ name: string }>(`
    with recursive calls as (
      select (n.nspname || '.' || f.proname) collate "default" as caller, (m.call)[1] as callee
      from pg_proc f
      join pg_namespace n on n.oid = f.pronamespace and n.nspname in ('app_public', 'app_private'),
        regexp_matches(f.prosrc, '\\m((?:app_private|extensions)[.][a-z_0-9]+)\\s*[(]', 'g') m (call)),
      hashing (name) as (
        select 'extensions.crypt'::text
        union
        select c.caller from calls c join hashing h on h.name = c.callee)
    select split_part(name, '.', 2) as name from hashing where name like 'app_public.%' order by 1`)
  // An erasure lasts longer than its hash, and whoever asks for it has logged in: it would stand in the way of those who do.
  expect(rows.map(({ name }) => name).filter((name) => name !== 'erase_user')).toEqual([...HASHING_FUNCTIONS])
})

test.each(HASHING_FUNCTIONS)('%s is found in the statement that GraphQL makes of it', async (name) => {
  const field = name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  const given: Record<(typeof HASHING_FUNCTIONS)[number], string> = {
    change_password: 'currentPassword: "x", newPassword: "long enough"',
    disable_totp: 'password: "x", code: "x"',
    enable_totp: 'password: "x"',
    login: 'email: "x@x.test", password: "x"',
    reauthenticate: 'password: "x"',
    register: 'email: "x@x.test", password: "long enough", name: "X"',
    reset_password: 'token: "x", newPassword: "long enough"',
  }
  const taken: string[] = []
  const note = () => taken.push(name)
  pools[1]!.on('acquire', note)
  await ask(`mutation { ${field}(input: {${given[name]}}) { clientMutationId } }`, {
    token: people.bob.token,
    ip: '192.0.2.9',
  })
  await ask('mutation { logout(input: {}) { clientMutationId } }')
  pools[1]!.off('acquire', note)
  expect(taken).toEqual([name])
})
