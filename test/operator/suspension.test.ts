import { createHmac } from 'node:crypto'
import { call } from '../../src/db/call.ts'
import { startApi, type Api } from '../graphql/api.ts'
import { until } from '../support/until.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const QUERY = '{ currentTenant { slug } }'
const codeOf = async (person: 'alice' | 'bob' | 'mallory') => {
  const { errors, error, data } = await api.ask(person, QUERY)
  return errors?.[0]?.extensions.code ?? error?.code ?? (data?.currentTenant === null ? 'no tenant' : 'served')
}
/** What operators' functions do to these columns: the announcement is the trigger's, whoever writes. */
const set = (sql: string, id: string) => api.database.superuser.query(`update ${sql} where id = $1`, [id])

/** An open socket, and the code it was closed with. */
async function socketOf(person: 'alice' | 'mallory') {
  let closed: number | undefined
  const connected: unknown[] = []
  const client = api.socket(person, {
    connected: (socket) => void connected.push(socket),
    closed: (event) => {
      closed = (event as { code: number }).code
    },
  })
  client.subscribe(
    { query: 'subscription { deploymentChanged { eventId } }' },
    { next: () => {}, error: () => {}, complete: () => {} },
  )
  await until(() => connected.length > 0)
  return { closed: () => closed }
}

test('a suspended tenant is shut at once: kept claims, open sockets, webhooks, and those that wait; others are not', async () => {
  const { database, ids } = api
  const secret = 'a secret of sixteen or more'
  const { rows } = await database.superuser.query<{ id: string }>(
    `insert into app_public.webhook_sources (tenant_id, project_id, provider, name) values ($1, $2, 'github', 'git') returning id`,
    [ids.tenants.acme, ids.projects.shop],
  )
  const source = rows[0]!.id
  await database.superuser.query(
    `insert into app_private.webhook_source_secrets (tenant_id, webhook_source_id, secret) values ($1, $2, app_private.encrypt_secret($3))`,
    [ids.tenants.acme, source, secret],
  )
  await database.superuser.query(
    'insert into app_private.webhook_source_directory (webhook_source_id, tenant_id) values ($1, $2)',
    [source, ids.tenants.acme],
  )
  await database.superuser.query(
    `update app_public.project_environments set branch = 'main' where project_id = $1 and name = 'production'`,
    [ids.projects.shop],
  )
  const push = (delivery: string) => {
    const body = JSON.stringify({ ref: 'refs/heads/main', after: 'b'.repeat(40), repository: {}, delivery })
    return api.post(`/webhooks/github/${source}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': delivery,
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      },
      body,
    })
  }
  const waiting = await push('d1')
  expect(waiting.status).toBeLessThan(300)
  const { rows: events } = await database.superuser.query<{ id: string }>(
    'select id from app_public.webhook_events where tenant_id = $1',
    [ids.tenants.acme],
  )
  expect([await codeOf('alice'), await codeOf('mallory')]).toEqual(['served', 'served'])
  const [alices, mallorys] = [await socketOf('alice'), await socketOf('mallory')]

  await set('app_public.tenants set is_active = false', ids.tenants.acme)
  await until(() => alices.closed() !== undefined)
  expect(alices.closed()).toBe(4403)
  // Alice named no tenant: her default one is not there for her any more.
  expect([await codeOf('alice'), await codeOf('bob')]).toEqual(['no tenant', 'no tenant'])
  expect((await push('d2')).status).toBe(404)
  const applied = await call(database.worker, 'app_private.apply_webhook_event', {
    tenant_id: ids.tenants.acme,
    webhook_event_id: events[0]!.id,
  })
  expect(applied).toBe('ignored: the tenant is suspended or closed')
  expect(await codeOf('mallory')).toBe('served')
  expect(mallorys.closed()).toBeUndefined()

  await set('app_public.tenants set is_active = true', ids.tenants.acme)
  await until(async () => (await codeOf('alice')) === 'served')
  expect((await push('d3')).status).toBeLessThan(300)
  const { rows: later } = await database.superuser.query<{ id: string }>(
    'select id from app_public.webhook_events where tenant_id = $1 and processed_at is null',
    [ids.tenants.acme],
  )
  expect(
    await call(database.worker, 'app_private.apply_webhook_event', {
      tenant_id: ids.tenants.acme,
      webhook_event_id: later[0]!.id,
    }),
  ).toBe('deployment_requested')
})

test('a suspended person is shut out at once, their colleagues are not', async () => {
  const { ids } = api
  const alices = await socketOf('alice')
  expect([await codeOf('alice'), await codeOf('bob')]).toEqual(['served', 'served'])
  await set('app_public.users set is_active = false', ids.users.alice)
  await until(() => alices.closed() !== undefined)
  expect([await codeOf('alice'), await codeOf('bob')]).toEqual(['UNAUTHENTICATED', 'served'])
})
