import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { sign } from '@octokit/webhooks-methods'
import type { WebhookDefinition } from '@octokit/webhooks-examples'
import { createPool } from '../../src/db/pools.ts'
import { withTenant } from '../../src/db/withTenant.ts'
import { call } from '../../src/db/call.ts'
import { startApi, type Api } from '../graphql/api.ts'
import { TEST_KEYRING } from '../support/database.ts'
import { startWorker, workerConfig } from '../worker/support.ts'
import { until } from '../support/until.ts'

/** What GitHub really sends, collected by the Octokit project. */
const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as WebhookDefinition[]
const pushes = examples.find(({ name }) => name === 'push')!.examples as unknown as {
  ref: string
  after: string
  deleted: boolean
}[]
const MAX_BYTES = 300_000

interface Source {
  webhookSourceId: string
  path: string
  secret: string
}

let api: Api
let acme: Source
let evil: Source
beforeAll(async () => {
  // A body that is held back on purpose is waited for, however busy the machine is.
  api = await startApi({ webhookMaxBytes: MAX_BYTES, webhookBodyTimeoutMs: 600_000 })
  acme = await createSource('alice', api.ids.projects.shop)
  evil = await createSource('mallory', api.ids.projects.lair)
  await api.database.superuser.query(
    `update app_public.project_environments set branch = 'master' where name = 'production'`,
  )
})
afterAll(() => api.close())
beforeEach(() => api.database.superuser.query('delete from app_public.webhook_events'))

async function createSource(
  person: 'alice' | 'mallory',
  projectId: string,
  name = 'GitHub',
  of = api,
): Promise<Source> {
  const { data, errors } = await of.ask(
    person,
    'mutation ($projectId: UUID!, $name: String!) { createWebhookSource(input: {projectId: $projectId, name: $name}) { result { webhookSourceId path secret } } }',
    { projectId, name },
  )
  if (errors) throw new Error(JSON.stringify(errors))
  return data.createWebhookSource.result
}

let deliveries = 0
/** Posts bytes as GitHub does, signed with `secret` by Octokit's own code. */
async function deliver(
  source: Source,
  body: string,
  { secret = source.secret, event = 'push', headers = {} as Record<string, string> } = {},
) {
  const answer = (await api.post(source.path, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-event': event,
      'x-github-delivery': `delivery-${++deliveries}`,
      'x-hub-signature-256': await sign(secret, body || ' '),
      ...headers,
    },
  })) as Awaited<ReturnType<Api['post']>> & { webhookEventId?: string; duplicate?: boolean }
  return answer
}

const events = async () =>
  (
    await api.database.superuser.query(
      `select id, tenant_id, event_type, outcome, deployment_id, headers, convert_from(raw_body, 'utf8') as body from app_public.webhook_events order by id`,
    )
  ).rows
const jobs = async () =>
  (await api.database.worker.query(`select key from graphile_worker.jobs where task_identifier = 'webhook__apply'`))
    .rows

async function apply(id: string, pool = api.database.worker): Promise<string | null> {
  const tenant_id = api.ids.tenants.acme
  return await withTenant(pool, { tenant_id, actor_type: 'webhook' }, (client) =>
    call(client, 'app_private.apply_webhook_event', { tenant_id, webhook_event_id: id }),
  )
}

describe.each(pushes.map((payload, index) => [index, payload.ref, payload.deleted, payload] as const))(
  'push example %d (%s, deleted: %s)',
  (_index, ref, isDeleted, payload) => {
    test('is stored byte for byte, with its job, and comes to what it should', async () => {
      const body = JSON.stringify(payload)
      const answer = await deliver(acme, body)
      expect([answer.status, answer.duplicate, answer.webhookEventId]).toEqual([202, false, expect.any(String)])
      const [event, ...others] = await events()
      expect(others).toEqual([])
      expect(event).toMatchObject({
        id: answer.webhookEventId,
        tenant_id: api.ids.tenants.acme,
        event_type: 'push',
        body,
      })
      expect(Object.keys(event.headers).sort()).toEqual([
        'content-type',
        'user-agent',
        'x-github-delivery',
        'x-github-event',
      ])
      expect(await jobs()).toContainEqual({ key: event.id })

      const isBranch = ref.startsWith('refs/heads/')
      expect(await apply(event.id)).toBe(
        !isBranch
          ? 'ignored: not a push to a branch'
          : isDeleted
            ? 'ignored: the branch was deleted'
            : 'deployment_requested',
      )
      const { rows } = await api.database.superuser.query(
        'select commit_sha, ref, triggered_by_type from app_public.deployments where id = $1',
        [(await events())[0].deployment_id],
      )
      expect(rows).toEqual(
        isBranch && !isDeleted ? [{ commit_sha: payload.after, ref, triggered_by_type: 'webhook' }] : [],
      )
    })
  },
)

test('the deletion of a branch, and a push to a branch that nothing deploys, ask for nothing', async () => {
  const branch = pushes.find(({ ref }) => ref === 'refs/heads/master')!
  const deleted = await deliver(acme, JSON.stringify({ ...branch, deleted: true, after: '0'.repeat(40) }))
  const other = await deliver(acme, JSON.stringify({ ...branch, ref: 'refs/heads/topic' }))
  expect([await apply(deleted.webhookEventId!), await apply(other.webhookEventId!)]).toEqual([
    'ignored: the branch was deleted',
    'ignored: no environment deploys this branch',
  ])
})

test('every kind of event there is gets acknowledged, kept and marked', async () => {
  const sent = examples
    .filter(({ name }) => name !== 'push')
    .flatMap(({ name, examples: each }) => each.map((payload) => ({ name, body: JSON.stringify(payload) })))
    // The collection has some twice.
    .filter(({ body }, index, all) => all.findIndex((other) => other.body === body) === index)
  expect(sent.length).toBeGreaterThan(300)
  const statuses = []
  for (const { name, body } of sent) statuses.push((await deliver(acme, body, { event: name })).status)
  expect(new Set(statuses)).toEqual(new Set([202]))
  const config = workerConfig()
  const worker = await startWorker(api.database, config)
  await until(async () => (await jobs()).length === 0, 30_000)
  await worker.stop()
  config.remove()
  const outcomes = await events()
  expect(outcomes).toHaveLength(sent.length)
  expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['ignored: not a push to a branch']))
}, 60_000)

test.each([
  ['another secret', { secret: 'not the secret' }],
  ['no signature', { headers: { 'x-hub-signature-256': '' } }],
  ['a digest without its name', { headers: { 'x-hub-signature-256': 'a'.repeat(64) } }],
  [
    'the old kind of signature',
    { headers: { 'x-hub-signature-256': '', 'x-hub-signature': 'sha1=' + 'a'.repeat(40) } },
  ],
])('%s is refused and leaves nothing; the right one is taken', async (_what, options) => {
  const body = JSON.stringify(pushes[4])
  const jobsBefore = await jobs()
  const { status, error } = await deliver(acme, body, options)
  expect([status, error!.code]).toEqual([401, 'SIGNATURE_NOT_VALID'])
  expect([await events(), await jobs()]).toEqual([[], jobsBefore])
  expect((await deliver(acme, body)).status).toBe(202)
  expect(await events()).toHaveLength(1)
})

test('one byte changed after signing is refused', async () => {
  const body = JSON.stringify(pushes[4])
  const signature = await sign(acme.secret, body)
  expect((await deliver(acme, `${body} `, { headers: { 'x-hub-signature-256': signature } })).status).toBe(401)
  expect(await events()).toEqual([])
})

test('the secret of one tenant opens nothing of another', async () => {
  expect((await deliver(acme, '{}', { secret: evil.secret })).status).toBe(401)
  expect((await deliver(evil, '{}', { secret: acme.secret })).status).toBe(401)
  expect((await deliver(evil, '{}')).status).toBe(202)
  expect(await events()).toMatchObject([{ tenant_id: api.ids.tenants.evil }])
})

test('a delivery that comes again is acknowledged and not stored again, also when ten come at once', async () => {
  const body = JSON.stringify(pushes[4])
  const headers = { 'x-github-delivery': 'the-same' }
  const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(acme, body, { headers })))
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 202])
  const again = await deliver(acme, body, { headers })
  expect([again.status, again.duplicate]).toEqual([200, true])
  const stored = await events()
  expect(stored).toHaveLength(1)
  expect((await jobs()).filter(({ key }) => key === stored[0].id)).toHaveLength(1)
})

test('the same bytes under another delivery id or event are a replay, also when ten come at once, and long after', async () => {
  const body = JSON.stringify(pushes[4])
  const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(acme, body)))
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 202])
  await api.database.superuser.query(`update app_public.webhook_events set received_at = '2020-01-01'`)
  expect(await deliver(acme, body, { event: 'ping' })).toMatchObject({ status: 200, duplicate: true })
  expect(await events()).toHaveLength(1)
  // Of another source they are news, and other bytes are.
  expect((await deliver(evil, body)).status).toBe(202)
  expect((await deliver(acme, `${body} `)).status).toBe(202)
})

test('the project says what is cloned, the sender only where it says nothing', async () => {
  const push = pushes.find(({ ref }) => ref === 'refs/heads/master')! as object
  const repositoryOf = async (body: object) => {
    const { webhookEventId } = await deliver(acme, JSON.stringify({ ...push, ...body }))
    expect(await apply(webhookEventId!)).toBe('deployment_requested')
    const { rows } = await api.database.superuser.query(
      'select d.repo_url from app_public.deployments d join app_public.webhook_events e on e.deployment_id = d.id where e.id = $1',
      [webhookEventId],
    )
    return rows[0].repo_url
  }
  const cloneUrl = (clone_url: string) => ({ repository: { clone_url } })
  expect(await repositoryOf(cloneUrl('https://git.test/a.git'))).toBe('https://git.test/a.git')
  expect(await repositoryOf(cloneUrl('ext::sh -c id'))).toBeNull()
  await api.database.superuser.query(
    `update app_public.projects set repository_url = 'https://git.test/ours.git' where id = $1`,
    [api.ids.projects.shop],
  )
  expect(await repositoryOf(cloneUrl('https://evil.test/a.git'))).toBe('https://git.test/ours.git')
  await api.database.superuser.query('update app_public.projects set repository_url = null where id = $1', [
    api.ids.projects.shop,
  ])
})

test('a push to what is no ref of git asks for nothing', async () => {
  const push = pushes.find(({ ref }) => ref === 'refs/heads/master')! as object
  for (const ref of ['refs/heads/--upload-pack=id', 'refs/heads/a\nb', 'refs/heads/-x']) {
    const { webhookEventId } = await deliver(acme, JSON.stringify({ ...push, ref }))
    expect(await apply(webhookEventId!)).toBe('ignored: not a name of a ref')
  }
})

test('the same event applied by two processes at once asks for one deployment', async () => {
  const { webhookEventId } = await deliver(acme, JSON.stringify(pushes[4]))
  const others = [1, 2].map(() =>
    createPool(api.database.urls.worker, { name: 'freehold-test-worker', size: 2, keyring: TEST_KEYRING }),
  )
  const outcomes = await Promise.all(
    others.flatMap((pool) => [apply(webhookEventId!, pool), apply(webhookEventId!, pool)]),
  )
  await Promise.all(others.map((pool) => pool.end()))
  expect(outcomes).toEqual(Array(4).fill('deployment_requested'))
  const { rows } = await api.database.superuser.query('select from app_public.deployments where idempotency_key = $1', [
    `webhook:${webhookEventId}`,
  ])
  expect(rows).toHaveLength(1)
})

test.each([
  ['text', 'hello'],
  ['nothing', ''],
  ['a list', '[]'],
  ['a null character', '{"a": "\\u0000"}'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
  ['nested a hundred thousand deep', '{"a": ' + '['.repeat(100_000) + ']'.repeat(100_000) + '}'],
])('a signed body that is %s is refused and leaves nothing', async (_what, body) => {
  const { status, error } = await deliver(acme, body)
  expect([status, ['INVALID_JSON', 'BAD_USER_INPUT', 'SIGNATURE_NOT_VALID']]).toEqual([
    body === '' ? 401 : 400,
    expect.arrayContaining([error!.code]),
  ])
  expect(await events()).toEqual([])
})

test('JSON is at most 200 levels deep', async () => {
  const nested = (levels: number) => `{"ref": ${'['.repeat(levels)}${']'.repeat(levels)}}`
  for (const levels of [201, 5000, 20_000]) {
    const { status, error } = await deliver(acme, nested(levels))
    expect([levels, status, error!.code]).toEqual([
      levels,
      400,
      expect.stringMatching(/^(JSON_TOO_DEEP|INVALID_JSON)$/),
    ])
  }
  expect((await deliver(acme, nested(5000))).error!.code).toBe('JSON_TOO_DEEP')
  expect(await events()).toEqual([])
  expect((await deliver(acme, nested(200))).status).toBe(202)
  const { data, errors } = await api.ask('alice', '{ webhookEvents { nodes { payload } } }')
  expect(errors).toBeUndefined()
  expect(data.webhookEvents.nodes).toHaveLength(1)
})

test.each(['x-github-event', 'x-github-delivery'])('a signed body with a %s of 6 KB is refused', async (header) => {
  const { status, error } = await deliver(acme, '{}', { headers: { [header]: 'x'.repeat(6000) } })
  expect([status, error!.code]).toEqual([400, 'BAD_USER_INPUT'])
  expect(await events()).toEqual([])
  expect((await deliver(acme, '{}', { headers: { [header]: 'x'.repeat(255) } })).status).toBe(202)
})

test.each(['x-github-event', 'x-github-delivery'])(
  'a signed body without %s is refused, and told what is missing',
  async (header) => {
    const { status, error } = await deliver(acme, '{}', { headers: { [header]: '' } })
    expect([status, error]).toMatchObject([
      400,
      {
        code: 'BAD_USER_INPUT',
        detail: { idAt: ['headers', 'x-github-delivery'], typeAt: ['headers', 'x-github-event'] },
      },
    ])
    expect(await events()).toEqual([])
    expect((await deliver(acme, '{}')).status).toBe(202)
  },
)

test('a provider whose webhooks are not understood gets no address', async () => {
  const create = (provider: string) =>
    api.ask(
      'alice',
      'mutation ($projectId: UUID!, $provider: WebhookProvider!) { createWebhookSource(input: {projectId: $projectId, provider: $provider, name: "another"}) { result { path } } }',
      { projectId: api.ids.projects.shop, provider },
    )
  const { errors } = await create('GITLAB')
  expect(errors![0]!.extensions.code).toBe('PROVIDER_NOT_SUPPORTED')
  expect((await create('GITHUB')).data.createWebhookSource.result.path).toMatch(/^\/webhooks\/github\//)
})

test('only the way of the provider itself makes a signature valid', async () => {
  const isValid = async (provider: string, headers: object) =>
    (
      await api.database.superuser.query(
        `select app_private.is_webhook_signature_valid($1, $2, '{}', 'a secret') as is_valid`,
        [provider, headers],
      )
    ).rows[0].is_valid
  const signature = await sign('a secret', '{}')
  expect(await isValid('github', { 'x-hub-signature-256': signature })).toBe(true)
  for (const provider of ['gitlab', 'vercel', 'stripe', 'standard', 'nobody']) {
    expect([provider, await isValid(provider, { 'x-hub-signature-256': signature })]).toEqual([provider, false])
  }
  expect(await isValid('github', { 'x-gitlab-token': signature })).toBe(false)
})

test('a body beyond the limit is refused, one at the limit is not', async () => {
  const sized = (bytes: number) => JSON.stringify({ padding: '' }).replace('""', `"${'x'.repeat(bytes - 14)}"`)
  expect(Buffer.byteLength(sized(MAX_BYTES))).toBe(MAX_BYTES)
  const { status, error } = await deliver(acme, sized(MAX_BYTES + 1))
  expect([status, error!.code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
  expect(await events()).toEqual([])
  expect((await deliver(acme, sized(MAX_BYTES))).status).toBe(202)
})

test('a compressed body is not inflated', async () => {
  expect(await deliver(acme, '{}', { headers: { 'content-encoding': 'gzip' } })).toMatchObject({ status: 415 })
  expect(await events()).toEqual([])
})

test.each([
  ['an unknown source', () => `/webhooks/github/01a1fc3a-4e5d-7721-8fbe-7ecc68074461`],
  ['a source that is no id', () => `/webhooks/github/1; drop table`],
  ['another provider', () => acme.path.replace('github', 'gitlab')],
  ['an unknown provider', () => acme.path.replace('github', 'nobody')],
])('%s is not found', async (_what, path) => {
  const { status, error } = await deliver({ ...acme, path: path() }, '{}')
  expect([status, error!.code]).toEqual([404, expect.stringMatching(/NOT_FOUND$/)])
  expect((await deliver(acme, '{}')).status).toBe(202)
})

test('an inactive source is not found', async () => {
  await api.database.superuser.query('update app_public.webhook_sources set is_active = false where id = $1', [
    acme.webhookSourceId,
  ])
  expect((await deliver(acme, '{}')).status).toBe(404)
  await api.database.superuser.query('update app_public.webhook_sources set is_active = true where id = $1', [
    acme.webhookSourceId,
  ])
  expect((await deliver(acme, '{}')).status).toBe(202)
})

test('a rotated secret works beside the old one', async () => {
  const { data, errors } = await api.ask(
    'alice',
    'mutation ($id: UUID!) { rotateWebhookSourceSecret(input: {id: $id}) { result { secret } } }',
    { id: acme.webhookSourceId },
  )
  expect(errors).toBeUndefined()
  const { secret } = data.rotateWebhookSourceSecret.result as Source
  expect(secret).not.toBe(acme.secret)
  expect((await deliver(acme, '{"secret": "new"}', { secret })).status).toBe(202)
  expect((await deliver(acme, '{"secret": "old"}')).status).toBe(202)
})

test('other methods are refused, and every answer has its request id', async () => {
  const response = await fetch(api.url + acme.path, { headers: { 'x-request-id': 'abc' } })
  expect([response.status, response.headers.get('allow'), response.headers.get('x-request-id')]).toEqual([
    405,
    'POST',
    'abc',
  ])
})

describe('a body', () => {
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  /** Announces a body and sends `first` of it; `answer` is what comes back until the server ends the connection. */
  function announce(path: string, length: number | 'chunked', first = '', at = api) {
    const { hostname, port } = new URL(at.url)
    const socket = connect(Number(port), hostname)
    sockets.push(socket)
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const size = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
    socket.write(`POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n${size}\r\n\r\n${first}`)
    const answer = async () => {
      await until(() => text.includes('\r\n\r\n'))
      await closed
      return { status: Number(text.split(' ')[1]), text }
    }
    return { socket, answer, hasAnswer: () => text !== '' }
  }

  test('of nobody is not waited for: the source is looked for first, and the connection ends', async () => {
    const unknown = '/webhooks/github/01a1fc3a-4e5d-7721-8fbe-7ecc68074461'
    for (const path of [unknown, acme.path.replace('github', 'gitlab')]) {
      const { status, text } = await announce(path, MAX_BYTES).answer()
      expect([status, text]).toEqual([404, expect.stringContaining('WEBHOOK_SOURCE_NOT_FOUND')])
    }
    const { status } = await announce(acme.path, MAX_BYTES + 1).answer()
    expect(status).toBe(413)
  })

  test('that stops coming is not waited for', async () => {
    const hasty = await startApi({ webhookBodyTimeoutMs: 20 })
    const { path } = await createSource('alice', hasty.ids.projects.shop, 'GitHub', hasty)
    const { status, text } = await announce(path, MAX_BYTES, '{"a": ', hasty).answer()
    await hasty.close()
    expect([status, text]).toEqual([408, expect.stringContaining('REQUEST_TIMEOUT')])
    expect((await deliver(acme, '{}')).status).toBe(202)
  })

  test('takes its place as it comes: a source has room for two of the largest, a process for four', async () => {
    const full = `${MAX_BYTES.toString(16)}\r\n${'x'.repeat(MAX_BYTES)}\r\n`
    const hold = (source: Source) => announce(source.path, 'chunked', full)
    const expected = (source: Source) =>
      api.log().filter((line) => line.msg === 'webhook expected' && line.source === source.webhookSourceId).length
    // What is announced and does not come keeps nobody out.
    const before = expected(acme)
    const idle = Array.from({ length: 8 }, () => announce(acme.path, MAX_BYTES, '{'))
    await until(() => expected(acme) === before + idle.length)
    expect((await deliver(acme, '{"a": 1}')).status).toBe(202)
    for (const { socket } of idle) socket.destroy()
    // One that is refused, since a body of before has not left yet, comes again.
    const fill = async (source: Source) => {
      const held = [hold(source), hold(source)]
      await until(async () => {
        for (const [place, { hasAnswer }] of held.entries()) if (hasAnswer()) held[place] = hold(source)
        return (await refusal(source.path)).code === 'TOO_MUCH_IN_FLIGHT'
      })
      return held
    }
    const holders = await fill(acme)
    expect(await refusal(acme.path)).toEqual({ status: 429, code: 'TOO_MUCH_IN_FLIGHT', retryAfter: '5' })
    // Others are served meanwhile.
    expect((await deliver(evil, '{}')).status).toBe(202)
    holders.push(...(await fill(evil)))
    const third = await createSource('alice', api.ids.projects.shop, 'Third')
    expect(await refusal(third.path)).toEqual({ status: 503, code: 'OVERLOADED', retryAfter: '5' })
    // Whoever goes away leaves their room.
    holders[0]!.socket.destroy()
    await until(async () => (await deliver(acme, '{}')).status === 202)
    expect(holders.slice(1).some((holder) => holder.hasAnswer())).toBe(false)
  })

  /** What a small body that is not signed is refused with. */
  async function refusal(path: string) {
    const response = await fetch(api.url + path, { method: 'POST', body: '{}' })
    const { error } = (await response.json()) as { error: { code: string } }
    return { status: response.status, code: error.code, retryAfter: response.headers.get('retry-after') }
  }
})
