import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { call } from '../../../../src/db/call.ts'
import { ROOT } from '../../../../src/deploy/database.ts'
import { namedPeople } from '../../../support/people.ts'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { askOne } from '../../../support/ask.ts'
import { until } from '../../../support/until.ts'
import { loop } from '../../../support/loops.ts'
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
const waitingForTheLock = async (): Promise<number> =>
  (
    await database.superuser.query(
      `select count(*)::integer from pg_locks l where l.locktype = 'advisory' and not l.granted
         and l.database = (select oid from pg_database where datname = current_database())`,
    )
  ).rows[0].count
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

/** A deployment that waits for its runner, its events told already. */
async function newDeployment(): Promise<string> {
  const {
    rows: [made],
  } = await database.superuser.query<{ id: string }>(
    `with p as (
       insert into app_public.projects (tenant_id, name, slug)
       select $1, n, n from (select 'p-' || gen_random_uuid() as n) g returning tenant_id, id),
     e as (
       insert into app_public.project_environments (tenant_id, project_id, name, type)
       select tenant_id, id, 'order', 'staging' from p returning tenant_id, project_id, id, type)
     insert into app_public.deployments (tenant_id, project_id, environment_id, environment)
     select tenant_id, project_id, id, type from e returning id`,
    [people.tenants.acme.id],
  )
  await dispatch(10_000)
  await listener.heard()
  return made!.id
}
const MOVES = ['building', 'deploying', 'ready'] as const
const TYPES = ['deployment.building', 'deployment.deploying', 'deployment.succeeded']
const move = (client: pg.ClientBase, id: string, status: string) =>
  client.query('update app_public.deployments set status = $2::app_public.deployment_status where id = $1', [
    id,
    status,
  ])
const toldOf = async (id: string): Promise<string[]> =>
  (await listener.heard())
    .map((payload) => JSON.parse(payload))
    .filter(({ subjectId }) => subjectId === id)
    .map(({ type }) => type)

test.each([
  ['the last to commit began first', [2, 1, 0]],
  ['they began in the order of their commits', [0, 1, 2]],
  ['they began anyhow', [1, 2, 0]],
])('what happened to one thing is told in the order of its commits: %s', async (_title, beginnings) => {
  const id = await newDeployment()
  const clients = await Promise.all(MOVES.map(() => database.superuser.connect()))
  try {
    // A transaction begins, and its now() stands still, with its first statement.
    for (const index of beginnings) {
      await clients[index]!.query('begin')
      await clients[index]!.query('select pg_current_xact_id()')
    }
    for (const [index, status] of MOVES.entries()) {
      await move(clients[index]!, id, status)
      await clients[index]!.query('commit')
    }
  } finally {
    for (const client of clients) client.release()
  }
  await dispatch(500)
  expect(await toldOf(id)).toEqual(TYPES)
  const { rows } = await database.superuser.query(
    'select type from app_public.events where subject_id = $1 order by created_at, id',
    [id],
  )
  expect(rows.map(({ type }) => type)).toEqual(['deployment.requested', ...TYPES])
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

test('of dispatchers at the same time one goes on when the other has committed, and each event is taken once', async () => {
  const ids = await happen(150)
  const first = await database.worker.connect()
  try {
    await first.query('begin')
    expect(await call(first, 'app_private.dispatch_events', { max_count: 60 })).toBe(60)
    const others = [dispatch(60), dispatch(60)]
    await until(async () => (await waitingForTheLock()) === 2)
    expect(await heard()).toEqual([])
    await first.query('commit')
    expect((await Promise.all(others)).sort()).toEqual([30, 60])
  } finally {
    first.release()
  }
  expect(await heard()).toEqual(ids)
  expect(await waiting()).toBe(0)
})

loop(
  'whatever overlaps, and with three dispatchers at once, what happened to one thing is told in the order of its commits',
  { short: 12, full: 400, of: 'rounds of six overlapping transactions' },
  async (count) => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => database.superuser.connect()))
    let isOver = false
    const dispatchers = Array.from({ length: 3 }, async () => {
      while (!isOver) await dispatch(1 + Math.floor(Math.random() * 3))
    })
    try {
      for (let round = 0; round < count; round++) {
        const [one, other] = [await newDeployment(), await newDeployment()]
        const turns = clients.map((client, index) => ({
          client,
          id: index % 2 === 0 ? one : other,
          status: MOVES[Math.floor(index / 2)]!,
        }))
        for (const { client } of turns.toSorted(() => Math.random() - 0.5)) {
          await client.query('begin')
          await client.query('select pg_current_xact_id()')
        }
        for (const { client, id, status } of turns) {
          await move(client, id, status)
          await client.query('commit')
        }
        await until(async () => (await waiting()) === 0)
        const told = (await listener.heard()).map((payload) => JSON.parse(payload))
        for (const id of [one, other])
          expect(told.filter(({ subjectId }) => subjectId === id).map(({ type }) => type)).toEqual(TYPES)
      }
    } finally {
      isOver = true
      await Promise.all(dispatchers)
      for (const client of clients) client.release()
    }
  },
)

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

test('one that waits for a dispatcher which is killed takes everything', async () => {
  const ids = await happen(40)
  const victim = await database.worker.connect()
  victim.on('error', () => {})
  const {
    rows: [{ pid }],
  } = await victim.query('select pg_backend_pid() as pid')
  await victim.query('begin')
  await call(victim, 'app_private.dispatch_events')
  const next = dispatch(500)
  await until(async () => (await waitingForTheLock()) === 1)
  const died = new Promise((resolve) => victim.once('end', resolve))
  await database.superuser.query('select pg_terminate_backend($1, 5000)', [pid])
  await died
  victim.release(true)
  expect(await next).toBe(40)
  expect(await heard()).toEqual(ids)
})

const horizon = async (): Promise<{ settled: number; mark: number }[]> =>
  (
    await database.superuser.query(
      `select settled::integer, mark::integer from app_private.horizons where name = 'events' order by mark desc`,
    )
  ).rows
async function churn(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1500) {
    await happen(1500)
    expect(await dispatch(5000)).toBe(1500)
  }
  await listener.heard()
}

test('what a transaction records that stays open while thousands come and go is told when it commits', async () => {
  const slow = await database.superuser.connect()
  await slow.query('begin')
  const {
    rows: [{ id }],
  } = await slow.query(`select app_private.record_event('project.created', $1, 'project', uuidv7(), null) as id`, [
    people.tenants.acme.id,
  ])
  const {
    rows: [{ position }],
  } = await slow.query('select position::integer from app_private.undispatched_events where event_id = $1', [id])
  await churn(6000)
  const [held] = await horizon()
  expect(held!.settled).toBeLessThan(position)
  await slow.query('commit')
  slow.release()
  expect([await dispatch(500), await heard()]).toEqual([1, [id]])
  // And then nothing is held back any more. What another test of this cluster has open may still be.
  await until(async () => {
    await churn(1500)
    return (await horizon())[0]!.settled > position
  })
  expect(await horizon()).toHaveLength(1)
})

test('an event that was rolled back holds nothing back, and one recorded after a dispatch in the same transaction is told', async () => {
  const client = await database.superuser.connect()
  await client.query('begin')
  await client.query(`select app_private.record_event('project.created', $1, 'project', uuidv7(), null)`, [
    people.tenants.acme.id,
  ])
  await client.query('select app_private.dispatch_events()')
  const {
    rows: [{ id }],
  } = await client.query(`select app_private.record_event('project.created', $1, 'project', uuidv7(), null) as id`, [
    people.tenants.acme.id,
  ])
  await client.query('savepoint s')
  await client.query(`select app_private.record_event('project.created', $1, 'project', uuidv7(), null)`, [
    people.tenants.acme.id,
  ])
  await client.query('rollback to s')
  await client.query('commit')
  client.release()
  await listener.heard()
  expect([await dispatch(500), await heard()]).toEqual([1, [id]])
})

test('a dispatch costs the same after any number of others, while a long transaction keeps what they left', async () => {
  // In a cluster of its own: the marks move when nobody else has a transaction open.
  const alone = await testDatabase({ isAlone: true })
  try {
    const { tenants } = await namedPeople(alone)
    const record = (count: number) =>
      alone.superuser.query(
        `select app_private.record_event('project.created', $1, 'project', uuidv7(), null) from generate_series(1, $2)`,
        [tenants.acme.id, count],
      )
    const worker = await alone.worker.connect()
    /** Pages that a dispatch of ten events looks at. */
    const pages = async (): Promise<number> => {
      await record(10)
      const { rows } = await worker.query(
        'explain (analyze, buffers, format json) select app_private.dispatch_events(10)',
      )
      const plan = rows[0]['QUERY PLAN'][0].Plan
      return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
    }
    const turn = async (count: number) => {
      for (let done = 0; done < count; done += 2000) {
        await record(2000)
        await worker.query('select app_private.dispatch_events(2000)')
      }
    }
    const reader = await alone.superuser.connect()
    await reader.query('begin isolation level repeatable read')
    await reader.query('select count(*) from app_private.undispatched_events')
    await worker.query('select app_private.dispatch_events(2000)')
    await turn(4000)
    // What a session reads of the catalog, it reads once.
    await pages()
    const before = await pages()
    await turn(30_000)
    const after = await pages()
    await alone.superuser.query('vacuum app_private.undispatched_events')
    const { rows } = await alone.superuser.query(
      `select pg_relation_size('app_private.undispatched_events')::integer as bytes`,
    )
    await reader.query('commit')
    reader.release()
    worker.release()
    // They are all still there.
    expect(rows[0].bytes).toBeGreaterThan(34_000 * 70)
    expect(after).toBeLessThan(before * 1.5)
  } finally {
    await alone.close()
  }
}, 60_000)

test('what waited before events had positions is numbered first, in the order in which it was recorded', async () => {
  const folder = join(ROOT, 'migrations/committed')
  const file = readdirSync(folder).find((name) => name.endsWith('-events-are-told-in-the-order-of-their-commits.sql'))!
  const old = await testDatabase()
  try {
    const { tenants } = await namedPeople(old)
    await call(old.worker, 'app_private.dispatch_events', { max_count: 1000 })
    // The table as it was; policies stay with it, horizons comes anew.
    await old.owner.query(`
      drop table app_private.horizons;
      alter table app_private.undispatched_events drop column position cascade;
      alter table app_private.undispatched_events
        add constraint undispatched_events_pkey primary key (tenant_id, created_at, event_id)`)
    const before = await old.superuser.query<{ id: string }>(
      `insert into app_public.events (tenant_id, created_at, type, subject_type, subject_id)
       select $1, now() - make_interval(secs => n), 'project.created', 'project', uuidv7() from generate_series(1, 5) n
       returning id`,
      [tenants.acme.id],
    )
    // In another order on the disk.
    await old.superuser.query(
      `insert into app_private.undispatched_events
       select e.tenant_id, e.created_at, e.id from app_public.events e where e.id = any ($1) order by e.created_at`,
      [before.rows.map(({ id }) => id)],
    )
    const owner = await old.owner.connect()
    await owner.query('begin')
    await owner.query('set local row_security = off')
    await owner.query(readFileSync(join(folder, file), 'utf8'))
    await owner.query('commit')
    owner.release()
    // What the new sources say; the functions are the same.
    await old.owner.query(`
      create policy all_system on app_private.horizons for all to app_system using (true) with check (true);
      grant select, insert, delete on app_private.horizons to app_system;
      grant select on sequence app_private.undispatched_events_position_seq to app_system`)
    const ears = await listen(old, `events:${tenants.acme.id}`)
    // What waited does not wait for something new to happen.
    expect(await call(old.worker, 'app_private.dispatch_events', { max_count: 2 })).toBe(2)
    const { rows: after } = await old.superuser.query<{ id: string }>(
      `select app_private.record_event('project.created', $1, 'project', uuidv7(), null) as id from generate_series(1, 3)`,
      [tenants.acme.id],
    )
    expect(await call(old.worker, 'app_private.dispatch_events')).toBe(6)
    const told = (await ears.heard()).map((payload) => JSON.parse(payload).id)
    await ears.close()
    expect(told).toEqual([...before.rows, ...after].map(({ id }) => id))
  } finally {
    await old.close()
  }
})
