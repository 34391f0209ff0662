import type pg from 'pg'
import { call } from '../../src/db/call.ts'
import { withTenant } from '../../src/db/withTenant.ts'
import { claimsOf } from '../../src/dev/proof/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>

beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})

afterAll(() => database?.close())

/** Everything in `work` is one transaction of alice's, or of a key of hers. */
const asAlice = async <T>(work: (client: pg.PoolClient) => Promise<T>, token = people.alice.token) =>
  withTenant(database.authenticator, await claimsOf(database.authenticator, { token }), work)

/** The statements that a call sends, answered with `rows`. */
const spied = (rows: Record<string, unknown>[] = []) => {
  const sent: unknown[] = []
  return { sent, query: async (statement: object) => (sent.push(statement), { rows }) }
}

test('a function of one value gives it', async () => {
  expect(await call(database.worker, 'app_private.dispatch_events', { max_count: 10_000 })).toEqual(expect.any(Number))
})

test('a function of one row gives it, and null when the composite is null', async () => {
  expect(await asAlice((client) => call(client, 'app_public.current_tenant'))).toMatchObject({ slug: 'acme' })
  expect(await asAlice((client) => call(client, 'app_public.claim_deployment', { runner: 'nobody' }))).toBeNull()
})

test('a function of many rows gives all of them', async () => {
  const tenants = await asAlice((client) => call(client, 'app_public.my_tenants'))
  expect(tenants.map(({ slug }) => slug)).toEqual(['acme'])
})

test('a function of many values gives them as a list', async () => {
  const rows = [{ seals_after: { number: 1 } }, { seals_after: { number: 2 } }]
  expect(await call(spied(rows), 'app_private.seals_after')).toEqual([{ number: 1 }, { number: 2 }])
})

test('a function of nothing gives undefined', async () => {
  await expect(
    call(database.worker, 'app_private.add_job', { task: 'expired__sweep', payload: {} }),
  ).resolves.toBeUndefined()
})

test('what is left out or undefined is not sent, so that its default stands; null is sent', async () => {
  const client = spied()
  await call(client, 'app_public.invite_member', { email: 'x@x.test', role: undefined })
  await call(client, 'app_public.invite_member', { email: null, role: 'viewer' })
  expect(client.sent).toEqual([
    { text: 'select * from app_public.invite_member("email" => $1)', values: ['x@x.test'] },
    { text: 'select * from app_public.invite_member("email" => $1, "role" => $2)', values: [null, 'viewer'] },
  ])
})

test('lists of JSON are sent as JSON, which pg would send as arrays', async () => {
  const event = { id: '01a1fc3a-4e5d-7721-8fbe-7ecc68074461', entity_id: people.alice.id, action: 'disk.full' }
  const events = [{ ...event, user_id: people.alice.id, created_at: new Date().toISOString() }]
  const key = await asAlice((client) => call(client, 'app_public.create_api_key', { name: 'ci', scopes: ['write'] }))
  const record = (client: pg.PoolClient) => call(client, 'app_public.record_audit_events', { events })
  expect(await asAlice(record, key!.token!)).toEqual({ stored: 1, duplicates: 0 })
})

test('composites are sent by their attributes, those left out as null', async () => {
  const lines = await asAlice(async (client) => {
    const project = await client.query(
      `insert into app_public.projects (name, slug) values ('web', 'web') returning id`,
    )
    const deployment = await call(client, 'app_public.request_deployment', {
      project_id: project.rows[0].id,
      ref: 'main',
    })
    const deployment_id = deployment!.id
    await call(client, 'app_public.append_deployment_logs', {
      deployment_id,
      lines: [
        { message: 'one "line"', level: 'warn', source: 'runtime' },
        { message: 'a, second', source: 'runtime' },
      ],
    })
    return (await client.query('select message, level, source from app_public.deployment_logs order by sequence')).rows
  })
  expect(lines).toEqual([
    { message: 'one "line"', level: 'warn', source: 'runtime' },
    { message: 'a, second', level: 'info', source: 'runtime' },
  ])
})

test('a prepared call has one name for one text', async () => {
  const client = spied([{ authenticate: {} }])
  const given = { token: null, tenant: null, ip: null, user_agent: null, request_id: 'r' }
  await call(client, 'app_private.authenticate', given, { isPrepared: true })
  await call(client, 'app_private.authenticate', { ...given, request_id: 's' }, { isPrepared: true })
  const [first, second] = client.sent as { name: string }[]
  expect(first!.name).toMatch(/^[0-9a-f]{40}$/)
  expect(second!.name).toBe(first!.name)
})

test('the compiler knows names, arguments and results', () => {
  // Never called: these lines are for tsc, which also fails when one of them is no mistake any more.
  const mistakes = [
    // @ts-expect-error no such function
    () => call(database.worker, 'app_private.no_such_function'),
    // @ts-expect-error no such argument
    () => call(database.worker, 'app_private.dispatch_events', { count: 1 }),
    // @ts-expect-error of another type
    () => call(database.worker, 'app_private.dispatch_events', { max_count: 'many' }),
    // @ts-expect-error an argument without a default is missing
    () => call(database.worker, 'app_public.invite_member'),
    // @ts-expect-error not a value of the enum
    () => call(database.worker, 'app_public.invite_member', { email: 'x@x.test', role: 'king' }),
    // @ts-expect-error a result may be null
    async () => (await call(database.worker, 'app_public.current_tenant')).slug,
  ]
  expect(mistakes).toHaveLength(6)
})
