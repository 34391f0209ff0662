import { call } from '../../../../src/db/call.ts'
import { namedPeople } from '../../../support/people.ts'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { askOne } from '../../../support/ask.ts'
import { listen } from '../../../support/listen.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
let listener: Awaited<ReturnType<typeof listen>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  listener = await listen(database, `events:${people.tenants.acme.id}`)
})
beforeEach(async () => {
  await call(database.worker, 'app_private.dispatch_events', { max_count: 10_000 })
  await listener.heard()
})
afterAll(async () => {
  await listener.close()
  await database.close()
})

/** Ids of as many new events. */
async function happen(count: number): Promise<string[]> {
  const { rows } = await database.superuser.query(
    `select app_private.record_event('project.created', $1, 'project', uuidv7(), null) as id from generate_series(1, $2)`,
    [people.tenants.acme.id, count],
  )
  return rows.map((row) => row.id)
}
const dispatch = async (max_count: number): Promise<number> =>
  (await call(database.worker, 'app_private.dispatch_events', { max_count }))!
const waiting = async (): Promise<number> =>
  (await database.superuser.query('select count(*)::integer from app_private.undispatched_events')).rows[0].count
const heard = async (): Promise<string[]> => (await listener.heard()).map((payload) => JSON.parse(payload).id)

test('an event is told to its tenant once, with what a subscriber needs to look it up', async () => {
  const wake = await listen(database, 'dispatch_events')
  const project = await askOne(
    database,
    people.alice,
    `insert into app_public.projects (name, slug) values ('Web', 'web') returning id`,
  )
  expect(await wake.heard()).toEqual([''])
  await wake.close()
  expect(await listener.heard()).toEqual([])
  expect(await dispatch(500)).toBe(1)
  const {
    rows: [event],
  } = await database.superuser.query(
    'select id, to_json(created_at) as created_at, type from app_public.events where subject_id = $1',
    [project.id],
  )
  expect((await listener.heard()).map((payload) => JSON.parse(payload))).toEqual([
    {
      id: event.id,
      createdAt: event.created_at,
      type: 'project.created',
      subjectType: 'project',
      subjectId: project.id,
      projectId: project.id,
    },
  ])
  expect(await dispatch(500)).toBe(0)
})

test('an event of a transaction that rolled back never happened', async () => {
  const client = await database.superuser.connect()
  await client.query('begin')
  await client.query(`select app_private.record_event('project.created', $1, 'project', uuidv7(), null)`, [
    people.tenants.acme.id,
  ])
  await client.query('rollback')
  client.release()
  expect([await dispatch(500), await heard()]).toEqual([0, []])
})

test('at most as many as were asked for, oldest first', async () => {
  const ids = await happen(25)
  expect([await dispatch(10), await dispatch(10), await dispatch(10), await dispatch(10)]).toEqual([10, 10, 5, 0])
  expect(await heard()).toEqual(ids)
})

test('dispatchers at the same time take each event once', async () => {
  const ids = await happen(300)
  // Held open together, so that they do meet.
  const clients = await Promise.all(Array.from({ length: 4 }, () => database.worker.connect()))
  try {
    await Promise.all(clients.map((client) => client.query('begin')))
    const counts = await Promise.all(
      clients.map((client) => call(client, 'app_private.dispatch_events', { max_count: 60 })),
    )
    expect(counts).toEqual([60, 60, 60, 60])
    await Promise.all(clients.map((client) => client.query('commit')))
  } finally {
    for (const client of clients) client.release()
  }
  const rest = await Promise.all(Array.from({ length: 4 }, () => dispatch(60)))
  expect(rest.reduce((a, b) => a + b)).toBe(60)
  expect((await heard()).sort()).toEqual(ids.sort())
  expect(await waiting()).toBe(0)
})

test('a dispatcher that is killed before its commit loses none and tells none', async () => {
  const ids = await happen(40)
  const victim = await database.worker.connect()
  victim.on('error', () => {})
  const {
    rows: [{ pid }],
  } = await victim.query('select pg_backend_pid() as pid')
  await victim.query('begin')
  expect(await call(victim, 'app_private.dispatch_events')).toBe(40)
  const died = new Promise((resolve) => victim.once('end', resolve))
  await database.superuser.query('select pg_terminate_backend($1, 5000)', [pid])
  await died
  victim.release(true)
  expect(await heard()).toEqual([])
  expect(await waiting()).toBe(40)
  expect(await dispatch(500)).toBe(40)
  expect((await heard()).sort()).toEqual(ids.sort())
})
