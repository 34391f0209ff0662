import type { Client } from 'graphql-ws'
import { call } from '../../src/db/call.ts'
import { withTenant } from '../../src/db/withTenant.ts'
import { authenticate } from '../support/ask.ts'
import { addDeployment, startApi, type Api } from './api.ts'
import { until } from '../support/until.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

interface Stream {
  events: any[]
  ended: Promise<unknown>
  stop: () => void
  /** Waits until `count` events came. */
  take(count: number): Promise<any[]>
}

function listen(client: Client, query: string, variables: Record<string, unknown> = {}): Stream {
  const events: any[] = []
  let stop = () => {}
  const ended = new Promise<unknown>((resolve) => {
    stop = client.subscribe(
      { query, variables },
      {
        next: (event) => void events.push(event),
        error: resolve,
        complete: () => resolve('complete'),
      },
    )
  })
  return {
    events,
    ended,
    stop,
    async take(count) {
      await until(() => events.length >= count)
      return events
    },
  }
}

/** Code of the one error that a subscription ended with. */
async function refusal(stream: Stream): Promise<string> {
  expect(await stream.ended).toBe('complete')
  expect(stream.events).toHaveLength(1)
  return stream.events[0].errors[0].extensions.code
}

const heard = new Map<string, number>()

/** Until so many more subscribers are served from the channel than the last time this was asked. */
async function listening(channel: string, subscribers = 1): Promise<void> {
  const expected = (heard.get(channel) ?? 0) + subscribers
  const served = () => api.log().filter((line) => line.msg === 'listening' && line.channel === channel).length
  await until(() => served() >= expected)
  heard.set(channel, served())
}

async function append(deployment: string, tenant: string, from: number, to: number): Promise<void> {
  await api.database.superuser.query(
    `insert into app_public.deployment_logs (tenant_id, project_id, deployment_id, sequence, message)
     select $1, project_id, id, n, 'line ' || n from app_public.deployments, generate_series($3::int, $4::int) n where tenant_id = $1 and id = $2`,
    [tenant, deployment, from, to],
  )
  await api.database.superuser.query('select pg_notify($1, $2)', [
    `deployment_logs:${deployment}`,
    JSON.stringify({ sequence: to }),
  ])
}

async function change(
  deployment: string,
  tenant: string,
  status: string,
  project = api.ids.projects.shop,
): Promise<string> {
  await api.database.superuser.query(
    `set session_replication_role = replica; update app_public.deployments set status = '${status}' where id = '${deployment}'; reset session_replication_role`,
  )
  const {
    rows: [event],
  } = await api.database.superuser.query(
    `insert into app_public.events (tenant_id, type, subject_type, subject_id, project_id) values ($1, 'deployment.' || $2::text, 'deployment', $3, $4)
     returning id, created_at as "createdAt", type, subject_type as "subjectType", subject_id as "subjectId", project_id as "projectId"`,
    [tenant, status, deployment, project],
  )
  const {
    rows: [{ json }],
  } = await api.database.superuser.query(
    `select json_build_object('id', id, 'createdAt', created_at, 'type', type, 'subjectType', subject_type, 'subjectId', subject_id, 'projectId', project_id)::text as json
       from app_public.events where id = $1`,
    [event.id],
  )
  await api.database.superuser.query('select pg_notify($1, $2)', [`events:${tenant}`, json])
  return event.id
}

const LOGS =
  'subscription ($id: UUID!, $after: BigInt) { deploymentLogs(deploymentId: $id, after: $after) { cursor lines { sequence message } } }'
const sequences = (events: any[]) =>
  events.flatMap(({ data }) => data.deploymentLogs.lines.map((line: any) => Number(line.sequence)))

describe('deploymentLogs', () => {
  let deployment: string
  beforeEach(async () => {
    deployment = await addDeployment(api.database.superuser, api.ids.tenants.acme, api.ids.projects.shop)
  })

  test('gives the backlog in batches, then each new line, none twice', async () => {
    await append(deployment, api.ids.tenants.acme, 1, 1200)
    const stream = listen(api.socket('bob'), LOGS, { id: deployment })
    await stream.take(3)
    expect(stream.events.map(({ data }) => [data.deploymentLogs.lines.length, data.deploymentLogs.cursor])).toEqual([
      [500, '500'],
      [500, '1000'],
      [200, '1200'],
    ])
    await append(deployment, api.ids.tenants.acme, 1201, 1203)
    await append(deployment, api.ids.tenants.acme, 1204, 1204)
    await stream.take(5)
    expect(sequences(stream.events)).toEqual(Array.from({ length: 1204 }, (_, i) => i + 1))
    stream.stop()
  })

  test('goes on after the cursor it is given', async () => {
    await append(deployment, api.ids.tenants.acme, 1, 10)
    const stream = listen(api.socket('bob'), LOGS, { id: deployment, after: '7' })
    expect(sequences(await stream.take(1))).toEqual([8, 9, 10])
    stream.stop()
  })

  test('a batch that was begun before another and commits after it comes after every cursor that was given meanwhile', async () => {
    const { database } = api
    const claims = await authenticate(database, api.token('bob'))
    const last = async () => (await listen(api.socket('bob'), LOGS, { id: deployment }).take(1)).at(-1)
    /** Appends a line in a transaction that began before anything else, when told, and commits when told. */
    const writer = (message: string) => {
      const [begun, write, written, commit] = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
      const done = withTenant(database.authenticator, claims, async (client) => {
        await client.query('select now()')
        begun!.resolve()
        await write!.promise
        await client.query(
          `select app_public.append_deployment_logs($1, array[row($2, null, 'runtime', null, null, null, null)::app_public.log_line])`,
          [deployment, message],
        )
        written!.resolve()
        await commit!.promise
      })
      return { begun: begun!.promise, write: write!.resolve, written: written!.promise, commit: commit!.resolve, done }
    }
    const late = writer('late')
    await late.begun
    const early = writer('early')
    early.write()
    await early.written
    // The second waits for the first: it could take no number that is seen before.
    late.write()
    await until(
      async () =>
        (
          await database.superuser.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%append_deployment_logs%'`,
          )
        ).rowCount === 1,
    )
    early.commit()
    await early.done
    const first = await last()
    expect(sequences([first])).toEqual([1])
    late.commit()
    await late.done
    const resumed = listen(api.socket('bob'), LOGS, { id: deployment, after: first.data.deploymentLogs.cursor })
    const [{ data }] = await resumed.take(1)
    expect(data.deploymentLogs.lines).toEqual([{ sequence: '2', message: 'late' }])
  })

  test('misses nothing that is written while it begins', async () => {
    const client = api.socket('bob')
    let written = 0
    const writing = (async () => {
      while (written < 300) {
        await append(deployment, api.ids.tenants.acme, written + 1, written + 10)
        written += 10
      }
    })()
    await until(() => written > 0)
    const streams = Array.from({ length: 5 }, () => listen(client, LOGS, { id: deployment }))
    await writing
    for (const stream of streams) {
      await until(() => sequences(stream.events).length >= 300)
      expect(sequences(stream.events)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
      stream.stop()
    }
  })

  test('a deployment of another tenant is not there, though its owner hears it', async () => {
    const refused = listen(api.socket('alice'), LOGS, { id: api.ids.deployments.lair })
    expect(await refusal(refused)).toBe('NOT_FOUND')
    const unknown = listen(api.socket('alice'), LOGS, { id: '01890000-0000-7000-8000-000000000000' })
    expect(await refusal(unknown)).toBe('NOT_FOUND')
    await append(api.ids.deployments.lair, api.ids.tenants.evil, 1, 2)
    const heard = listen(api.socket('mallory'), LOGS, { id: api.ids.deployments.lair })
    expect(sequences(await heard.take(1))).toEqual([1, 2])
    heard.stop()
  })

  test('who may not see it any more hears nothing, not even how far it is, and misses nothing once they may', async () => {
    const setVisibility = (visibility: string) =>
      api.database.superuser.query(
        `set session_replication_role = replica; update app_public.projects set visibility = '${visibility}' where slug = 'shop'; reset session_replication_role`,
      )
    const [owner, viewer] = [
      listen(api.socket('alice'), LOGS, { id: deployment }),
      listen(api.socket('vera'), LOGS, { id: deployment }),
    ]
    await listening(`deployment_logs:${deployment}`, 2)
    await append(deployment, api.ids.tenants.acme, 1, 2)
    await Promise.all([owner.take(1), viewer.take(1)])
    await setVisibility('private')
    await append(deployment, api.ids.tenants.acme, 3, 4)
    await append(deployment, api.ids.tenants.acme, 5, 6)
    await owner.take(3)
    await setVisibility('team')
    await append(deployment, api.ids.tenants.acme, 7, 7)
    await until(() => sequences(viewer.events).length === 7)
    expect(viewer.events.filter(({ data }) => data.deploymentLogs.lines.length === 0)).toEqual([])
    expect(viewer.events.length).toBeLessThan(owner.events.length + 1)
    expect(sequences(viewer.events)).toEqual([1, 2, 3, 4, 5, 6, 7])
    owner.stop()
    viewer.stop()
  })

  test('the server stops listening when the last subscriber leaves', async () => {
    const client = api.socket('bob')
    const [one, two] = [listen(client, LOGS, { id: deployment }), listen(client, LOGS, { id: deployment })]
    await listening(`deployment_logs:${deployment}`, 2)
    one.stop()
    await append(deployment, api.ids.tenants.acme, 1, 1)
    expect(sequences(await two.take(1))).toEqual([1])
    two.stop()
    await until(async () => {
      const { rows } = await api.database.superuser.query<{ query: string }>(
        `select query from pg_stat_activity where application_name like 'freehold-listener%' and datname = current_database()`,
      )
      return rows.some(({ query }) => query === `unlisten "deployment_logs:${deployment}"`)
    })
    expect(one.events).toEqual([])
  })
})

const CHANGED =
  'subscription ($project: UUID, $id: UUID) { deploymentChanged(projectId: $project, id: $id) { eventId type deployment { id status project { slug } } } }'

describe('deploymentChanged', () => {
  test('tells each change with the deployment as it is then', async () => {
    const stream = listen(api.socket('bob'), CHANGED, { id: api.ids.deployments.shop })
    await listening(`events:${api.ids.tenants.acme}`)
    const first = await change(api.ids.deployments.shop, api.ids.tenants.acme, 'building')
    await stream.take(1)
    const second = await change(api.ids.deployments.shop, api.ids.tenants.acme, 'failed')
    await stream.take(2)
    expect(stream.events.map(({ data }) => data.deploymentChanged)).toEqual([
      {
        eventId: first,
        type: 'deployment.building',
        deployment: { id: api.ids.deployments.shop, status: 'BUILDING', project: { slug: 'shop' } },
      },
      {
        eventId: second,
        type: 'deployment.failed',
        deployment: { id: api.ids.deployments.shop, status: 'FAILED', project: { slug: 'shop' } },
      },
    ])
    stream.stop()
  })

  test('tells changes in the order of their commits, and who subscribes and then reads misses none', async () => {
    const { superuser, worker } = api.database
    const id = await addDeployment(superuser, api.ids.tenants.acme, api.ids.projects.shop)
    await call(worker, 'app_private.dispatch_events', { max_count: 1000 })
    const stream = listen(api.socket('bob'), CHANGED, { id })
    await listening(`events:${api.ids.tenants.acme}`)
    const statuses = ['building', 'deploying', 'failed']
    const clients = await Promise.all(statuses.map(() => superuser.connect()))
    // The last to commit begins first.
    for (const client of clients.toReversed()) {
      await client.query('begin')
      await client.query('select pg_current_xact_id()')
    }
    const commit = async (index: number) => {
      await clients[index]!.query(
        'update app_public.deployments set status = $2::app_public.deployment_status where id = $1',
        [id, statuses[index]],
      )
      await clients[index]!.query('commit')
      clients[index]!.release()
    }
    await commit(0)
    // What committed before the subscription and is dispatched after it is read; what commits after it is told.
    const later = listen(api.socket('vera'), CHANGED, { id })
    await listening(`events:${api.ids.tenants.acme}`)
    const { data } = await api.ask('vera', 'query ($id: UUID!) { deployment(id: $id) { status } }', { id })
    expect(data).toEqual({ deployment: { status: 'BUILDING' } })
    await commit(1)
    await commit(2)
    await call(worker, 'app_private.dispatch_events', { max_count: 1000 })
    const types = (events: any[]) => events.map((event) => event.data.deploymentChanged.type)
    expect(types(await stream.take(3))).toEqual(['deployment.building', 'deployment.deploying', 'deployment.failed'])
    expect(types(await later.take(3)).slice(-2)).toEqual(['deployment.deploying', 'deployment.failed'])
    stream.stop()
    later.stop()
  })

  test('follows one project, one deployment, or all of the tenant', async () => {
    const other = await addDeployment(api.database.superuser, api.ids.tenants.acme, api.ids.projects.shop)
    const client = api.socket('alice')
    const all = listen(client, CHANGED)
    const project = listen(client, CHANGED, { project: api.ids.projects.shop })
    const one = listen(client, CHANGED, { id: other })
    await listening(`events:${api.ids.tenants.acme}`, 3)
    await change(api.ids.deployments.shop, api.ids.tenants.acme, 'failed')
    await change(other, api.ids.tenants.acme, 'failed')
    await Promise.all([all.take(2), project.take(2), one.take(1)])
    expect(
      [all, project, one].map(({ events }) => events.map(({ data }) => data.deploymentChanged.deployment.id)),
    ).toEqual([[api.ids.deployments.shop, other], [api.ids.deployments.shop, other], [other]])
    for (const stream of [all, project, one]) stream.stop()
  })

  test('is checked for each event: what became private is told to its owner only', async () => {
    // Events reach a subscriber in order, so one of an open project tells that the hidden one before it was dealt with.
    const {
      rows: [{ id: open }],
    } = await api.database.superuser.query(
      `insert into app_public.projects (tenant_id, name, slug, visibility) values ($1, 'open', 'open', 'public') returning id`,
      [api.ids.tenants.acme],
    )
    const marker = await addDeployment(api.database.superuser, api.ids.tenants.acme, open)
    const setVisibility = (visibility: string) =>
      api.database.superuser.query(
        `set session_replication_role = replica; update app_public.projects set visibility = '${visibility}' where slug = 'shop'; reset session_replication_role`,
      )
    const [owner, viewer] = [listen(api.socket('alice'), CHANGED), listen(api.socket('vera'), CHANGED)]
    await listening(`events:${api.ids.tenants.acme}`, 2)
    await change(api.ids.deployments.shop, api.ids.tenants.acme, 'building')
    await Promise.all([owner.take(1), viewer.take(1)])
    await setVisibility('private')
    await change(api.ids.deployments.shop, api.ids.tenants.acme, 'failed')
    await change(marker, api.ids.tenants.acme, 'queued', open)
    await Promise.all([owner.take(3), viewer.take(2)])
    await setVisibility('team')
    await change(api.ids.deployments.shop, api.ids.tenants.acme, 'building')
    await Promise.all([owner.take(4), viewer.take(3)])
    const types = (stream: typeof owner) => stream.events.map(({ data }) => data.deploymentChanged.type)
    expect(types(owner)).toEqual([
      'deployment.building',
      'deployment.failed',
      'deployment.queued',
      'deployment.building',
    ])
    expect(types(viewer)).toEqual(['deployment.building', 'deployment.queued', 'deployment.building'])
    owner.stop()
    viewer.stop()
  })

  test("an event that lies about its tenant's channel is not told", async () => {
    const stream = listen(api.socket('alice'), CHANGED)
    await listening(`events:${api.ids.tenants.acme}`)
    const theirs = await change(api.ids.deployments.lair, api.ids.tenants.evil, 'failed', api.ids.projects.lair)
    const {
      rows: [{ json }],
    } = await api.database.superuser.query(
      `select json_build_object('id', id, 'createdAt', created_at, 'subjectType', subject_type, 'subjectId', subject_id)::text as json from app_public.events where id = $1`,
      [theirs],
    )
    await api.database.superuser.query('select pg_notify($1, $2)', [`events:${api.ids.tenants.acme}`, json])
    await api.database.superuser.query('select pg_notify($1, $2)', [`events:${api.ids.tenants.acme}`, 'not json'])
    const mine = await change(api.ids.deployments.shop, api.ids.tenants.acme, 'failed')
    await stream.take(1)
    expect(stream.events.map(({ data }) => data.deploymentChanged.eventId)).toEqual([mine])
    stream.stop()
  })

  test('a foreign project is not there, and who has no tenant is turned away', async () => {
    expect(await refusal(listen(api.socket('alice'), CHANGED, { project: api.ids.projects.lair }))).toBe('NOT_FOUND')
    expect(await refusal(listen(api.socket('nobody'), CHANGED))).toBe('UNAUTHENTICATED')
    // Who is nobody is turned away before anything starts, which is an error of the operation and no event.
    expect(await listen(api.socket(null), CHANGED).ended).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  })
})

test('one socket holds a hundred subscriptions and no more', async () => {
  const client = api.socket('bob')
  const streams = Array.from({ length: 101 }, () => listen(client, LOGS, { id: api.ids.deployments.shop }))
  expect(await Promise.race(streams.map(({ ended }) => ended))).toMatchObject([
    { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } },
  ])
  await append(api.ids.deployments.shop, api.ids.tenants.acme, 1, 1)
  await Promise.all(streams.slice(0, 100).map((stream) => stream.take(1)))
  expect(streams.filter(({ events }) => sequences(events).length === 1).length).toBe(100)
  for (const stream of streams) stream.stop()
})

test('losing LISTEN ends subscriptions with a code and keeps the socket; a new one works', async () => {
  const client = api.socket('bob')
  const stream = listen(client, CHANGED)
  await listening(`events:${api.ids.tenants.acme}`)
  await api.database.superuser.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'freehold-listener%' and datname = current_database()`,
  )
  expect(await stream.ended).toBe('complete')
  expect(stream.events).toMatchObject([
    { errors: [{ path: ['deploymentChanged'], extensions: { code: 'SUBSCRIPTION_INTERRUPTED' } }] },
  ])
  await until(async () => (await api.post('/readyz', {})).status === 200)
  const again = listen(client, CHANGED)
  await listening(`events:${api.ids.tenants.acme}`)
  const event = await change(api.ids.deployments.shop, api.ids.tenants.acme, 'building')
  expect((await again.take(1)).map(({ data }) => data.deploymentChanged.eventId)).toEqual([event])
  again.stop()
})
