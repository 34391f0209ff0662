import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import express from 'express'
import WebSocket from 'ws'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { makeLogger } from '../../src/log.ts'
import { makeAuthenticator } from '../../src/server/authenticate.ts'
import { installAuthentication } from '../../src/server/install/authentication.ts'
import { installErrors } from '../../src/server/install/errors.ts'
import { installRequestId } from '../../src/server/install/requestId.ts'
import { factsOf } from '../../src/server/request.ts'
import { startApi, type Api } from './api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi({
    cors: ['https://app.example.test'],
    bodyMaxBytes: 5000,
    webhookMaxBytes: 30_000,
    lag: () => ({ outbox: 99.5 }),
  })
})
afterAll(() => api.close())

const authorization = { authorization: '' }
beforeAll(() => {
  authorization.authorization = `Bearer ${api.token('alice')}`
})
const json = { 'content-type': 'application/json' }
const WHO = JSON.stringify({ query: '{ currentUser { username } }' })

test('health and readiness', async () => {
  expect(await api.post('/healthz', {})).toMatchObject({ status: 200 })
  const response = await fetch(`${api.url}/readyz`)
  expect([response.status, await response.json()]).toEqual([
    200,
    {
      status: 'ready',
      checks: { database: true, schema: true, listener: true, accepting: true },
      lag: { outbox: 99.5 },
    },
  ])
})

test('what is not served is a 404 in JSON, with the headers of every answer', async () => {
  const { status, error, headers } = await api.post('/nothing', { headers: { 'x-request-id': 'abc-1' } })
  expect([status, error]).toEqual([404, { code: 'NOT_FOUND', message: 'Nothing is served at GET /nothing.' }])
  expect(headers.get('x-request-id')).toBe('abc-1')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toMatch(/default-src 'none'/)
  expect(headers.get('x-powered-by')).toBeNull()
})

test('a request id that is no plain word is replaced', async () => {
  const { headers } = await api.post('/healthz', { headers: { 'x-request-id': 'a b"c' } })
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test.each([
  ['invalid JSON', { method: 'POST', headers: json, body: '{"query": ' }, 400, 'INVALID_JSON'],
  [
    'a large body',
    { method: 'POST', headers: json, body: JSON.stringify({ query: ' '.repeat(6000) }) },
    413,
    'PAYLOAD_TOO_LARGE',
  ],
  [
    'another media type',
    { method: 'POST', headers: { 'content-type': 'text/plain' }, body: WHO },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  [
    'a form',
    { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'query={__typename}' },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['no query', { method: 'POST', headers: json, body: '{}' }, 400, 'BAD_REQUEST'],
  ['a query that is no text', { method: 'POST', headers: json, body: '{"query": 1}' }, 400, 'BAD_REQUEST'],
  ['null', { method: 'POST', headers: json, body: 'null' }, 400, 'BAD_REQUEST'],
  ['GET', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
  [
    'whoever takes no JSON',
    { method: 'POST', headers: { ...json, accept: 'text/html' }, body: WHO },
    406,
    'NOT_ACCEPTABLE',
  ],
  [
    'a hash without its document',
    {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: '0'.repeat(64) } } }),
    },
    400,
    'PERSISTED_QUERY_NOT_SUPPORTED',
  ],
  [
    'a token that does not work',
    { method: 'POST', headers: { ...json, authorization: 'Bearer nonsense' }, body: WHO },
    401,
    'UNAUTHENTICATED',
  ],
])('/graphql refuses %s with a code', async (_what, init, status, code) => {
  const answer = await api.post('/graphql', init)
  expect([answer.status, answer.errors?.[0]?.extensions.code]).toEqual([status, code])
})

test.each([
  ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json; charset=utf-8'],
  ['*/*', 'application/graphql-response+json; charset=utf-8'],
  ['application/json', 'application/json; charset=utf-8'],
  ['text/html', 'application/json; charset=utf-8'],
])('a refusal before GraphQL comes in the type that %s asks for', async (accept, type) => {
  const { status, headers, errors } = await api.post('/graphql', {
    method: 'POST',
    headers: { ...json, accept, authorization: 'Bearer nonsense' },
    body: WHO,
  })
  expect([status, headers.get('content-type'), errors?.[0]?.extensions.code]).toEqual([401, type, 'UNAUTHENTICATED'])
})

test('a hash without its document is refused in the words that make a client send the document', async () => {
  const { errors } = await api.post('/graphql', {
    method: 'POST',
    headers: { ...json, ...authorization },
    body: JSON.stringify({ operationName: 'Q', extensions: { persistedQuery: { version: 1, sha256Hash: 'abc' } } }),
  })
  expect(errors?.[0]).toMatchObject({ message: 'PersistedQueryNotSupported' })
})

test('a webhook gets its raw body, larger than JSON may be and without a sign-in', async () => {
  const post = (body: string) =>
    api.post(`/webhooks/github/${randomUUID()}`, {
      method: 'POST',
      headers: { ...json, authorization: 'Bearer nonsense' },
      body,
    })
  expect(await post('x'.repeat(20_000))).toMatchObject({ status: 404, error: { code: 'WEBHOOK_SOURCE_NOT_FOUND' } })
  // How long it is matters to a source alone.
  expect(await post('x'.repeat(40_000))).toMatchObject({ status: 404, error: { code: 'WEBHOOK_SOURCE_NOT_FOUND' } })
})

/** Asks a server that authenticates as the API does, and answers with the claims it found. */
async function askWho(headers: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const app = express()
  installRequestId(app)
  installAuthentication(
    app,
    makeAuthenticator({ pool: api.database.authenticator, log: makeLogger({ level: 'silent' }) }),
  )
  app.get('/', (req, res) => {
    res.json(factsOf(req).claims)
  })
  installErrors(app, { log: makeLogger({ level: 'silent' }), refusals: { note: () => {}, close: async () => {} } })
  const server = createServer(app).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { headers })
    return { status: response.status, body: await response.json() }
  } finally {
    server.close()
  }
}

test('routes after authentication have the claims of the request', async () => {
  const answer = await askWho({
    ...authorization,
    'x-tenant': api.ids.tenants.acme,
    'x-request-id': 'r-1',
    'user-agent': 'test/1',
  })
  expect(answer.body).toMatchObject({
    role: 'app_user',
    user_id: api.ids.users.alice,
    tenant_id: api.ids.tenants.acme,
    member_role: 'owner',
    request_id: 'r-1',
    user_agent: 'test/1',
    ip: '127.0.0.1',
  })
  expect((await askWho({})).body).toMatchObject({ role: 'app_anonymous' })
})

test('who signs up is answered in the same words whatever is known of them, and refusals come as errors', async () => {
  const register = (email: string) =>
    api.ask(
      null,
      'mutation ($email: String!) { register(input: {email: $email, password: "long enough", name: "X"}) { result { isDone } } }',
      { email },
    )
  const unknown = await register('stranger@example.test')
  expect(unknown.data).toEqual({ register: { result: { isDone: true } } })
  expect((await register('alice@alice.test')).data).toEqual(unknown.data)

  const invite = (email: string) =>
    api.ask(
      'alice',
      'mutation ($email: String!) { inviteMember(input: {email: $email}) { result { tenantMember { invitedEmail tenant { slug } } } } }',
      { email },
    )
  expect((await invite('guest@example.test')).data).toEqual({
    inviteMember: { result: { tenantMember: { invitedEmail: 'guest@example.test', tenant: { slug: 'acme' } } } },
  })
  const { data, errors } = await invite('bob@bob.test')
  expect([data, errors?.[0]?.extensions]).toEqual([{ inviteMember: null }, { code: 'ALREADY_MEMBER' }])
  const confirm = await api.ask(
    'alice',
    'mutation { confirmTotp(input: {code: "123456"}) { result { recoveryCodes } } }',
  )
  expect(confirm.errors?.[0]?.extensions).toEqual({ code: 'CODE_NOT_VALID' })
})

test('null for an argument that has a default is the default', async () => {
  const answerTo = async (field: string, input: string, selection: string) => {
    const { data, errors } = await api.ask('alice', `mutation { ${field}(input: {${input}}) { ${selection} } }`)
    expect(errors).toBeUndefined()
    return data[field]
  }
  expect(
    await answerTo('inviteMember', 'email: "null@example.test", role: null', 'result { tenantMember { role } }'),
  ).toEqual({ result: { tenantMember: { role: 'MEMBER' } } })
  const soon = Date.now() + 23 * 3600 * 1000
  const { operatorGrant } = await answerTo(
    'grantOperatorAccess',
    'reason: "a look", hours: null',
    'operatorGrant { expiresAt }',
  )
  expect(Date.parse(operatorGrant.expiresAt)).toBeGreaterThan(soon)
  const { result: key } = await answerTo(
    'createApiKey',
    'name: "null", scopes: null, permissions: null',
    'result { apiKeyId }',
  )
  const { data } = await api.ask('alice', 'query ($id: UUID!) { apiKey(id: $id) { scopes permissions } }', {
    id: key.apiKeyId,
  })
  expect(data.apiKey).toEqual({ scopes: ['READ'], permissions: [] })
  const project = `projectId: "${api.ids.projects.shop}"`
  const source = await answerTo('createWebhookSource', `${project}, name: "null", provider: null`, 'result { path }')
  expect(source.result.path).toMatch(/^\/webhooks\/github\//)
  const { deployment } = await answerTo(
    'requestDeployment',
    `${project}, ref: "null", environment: null, config: null`,
    'deployment { id environment }',
  )
  expect(deployment.environment).toBe('PRODUCTION')
  const claimed = await answerTo(
    'claimDeployment',
    `runner: "null", deploymentId: "${deployment.id}", leaseSeconds: null`,
    'result { leaseToken }',
  )
  const { deployment: held } = await answerTo(
    'heartbeatDeployment',
    `id: "${deployment.id}", leaseToken: "${claimed.result.leaseToken}", leaseSeconds: null`,
    'deployment { status }',
  )
  expect(held).toEqual({ status: 'BUILDING' })
})

test('X-Tenant of a tenant one is not in is refused, and its member passes', async () => {
  const as = (person: 'alice' | 'mallory') =>
    askWho({ authorization: `Bearer ${api.token(person)}`, 'x-tenant': api.ids.tenants.evil })
  expect(await as('alice')).toMatchObject({ status: 403, body: { error: { code: 'NOT_A_MEMBER' } } })
  expect(await as('mallory')).toMatchObject({ status: 200, body: { member_role: 'owner' } })
})

test('CORS lets the listed origin in and no other', async () => {
  const allowed = await fetch(`${api.url}/graphql`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.test', 'access-control-request-method': 'POST' },
  })
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.test')
  const other = await fetch(`${api.url}/graphql`, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' },
  })
  expect(other.headers.get('access-control-allow-origin')).toBeNull()
})

test('Ruru is served from here and fetches nothing from elsewhere', async () => {
  const page = await fetch(`${api.url}/graphiql`)
  const html = await page.text()
  expect(page.headers.get('content-type')).toMatch(/text\/html/)
  expect(html.match(/(?:src|href)\s*=\s*["'](?:https?:)?\/\//g)).toBeNull()
  const assets = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!)
  expect(assets.length).toBeGreaterThan(1)
  for (const path of assets) expect([path, (await fetch(api.url + path)).status]).toEqual([path, 200])
})

test('nothing of headers, tokens or passwords is logged', async () => {
  const password = 'correct horse battery staple'
  await api.post(`/nothing?token=${api.token('alice')}`, { headers: { ...authorization, cookie: 'session=hush' } })
  await api.ask(
    null,
    'mutation ($p: String!) { login(input: {email: "alice@alice.test", password: $p}) { result { token } } }',
    { p: password },
  )
  const log = JSON.stringify(api.log())
  expect(log).toMatch(/"path":"\/nothing"/)
  expect(log).toMatch(/"requestId":"abc-1"/)
  expect(log).not.toMatch(/hush|correct horse|0000000000/)
})

test('what nobody foresaw is INTERNAL with an id under which the log has it', async () => {
  await api.database.owner.query('alter table app_public.projects rename column description to renamed')
  try {
    const { data, errors } = await api.ask('alice', '{ projects { nodes { description } } }')
    const { code, errorId, ...rest } = errors![0]!.extensions
    expect([data, errors![0]!.message, code, rest]).toEqual([
      { projects: null },
      'Something went wrong on our side.',
      'INTERNAL',
      {},
    ])
    expect(api.log().find((line) => line.errorId === errorId)).toMatchObject({ level: 'error', err: { code: '42703' } })
  } finally {
    await api.database.owner.query('alter table app_public.projects rename column renamed to description')
  }
  expect((await api.ask('alice', '{ projects { nodes { description } } }')).errors).toBeUndefined()
})

describe('authentication is asked once and forgotten at once', () => {
  const credentials = (token: string | null) => ({
    token,
    tenant: null,
    ip: '127.0.0.1',
    userAgent: null,
    requestId: 'r',
  })
  const counted = (answer: object) => {
    let asked = 0
    const pool = {
      query: async () => {
        asked++
        return { rows: [{ claims: answer }] }
      },
    }
    const authenticator = makeAuthenticator({ pool: pool as never, log: makeLogger({ level: 'silent' }) })
    authenticator.setListening(true)
    return { authenticator, asked: () => asked }
  }
  const claims = { role: 'app_user', user_id: 'u', tenant_id: 't', session_id: 's', api_key_id: '', cacheable: true }

  test('an answer that may be cached is, for this token, with facts of each request', async () => {
    const { authenticator, asked } = counted(claims)
    await authenticator.authenticate(credentials('a'))
    expect(await authenticator.authenticate({ ...credentials('a'), requestId: 'other' })).toMatchObject({
      user_id: 'u',
      request_id: 'other',
    })
    expect(asked()).toBe(1)
    await authenticator.authenticate(credentials('b'))
    await authenticator.authenticate({ ...credentials('a'), tenant: 'x' })
    expect(asked()).toBe(3)
  })

  test('an answer that may not be cached is not', async () => {
    const { authenticator, asked } = counted({ ...claims, cacheable: false })
    await authenticator.authenticate(credentials('a'))
    await authenticator.authenticate(credentials('a'))
    expect(asked()).toBe(2)
  })

  test.each(['s', 'user:u', 'tenant:t'])('revocation of %s drops it', async (payload) => {
    const { authenticator, asked } = counted(claims)
    await authenticator.authenticate(credentials('a'))
    authenticator.revoke('user:somebody-else')
    await authenticator.authenticate(credentials('a'))
    expect(asked()).toBe(1)
    authenticator.revoke(payload)
    await authenticator.authenticate(credentials('a'))
    expect(asked()).toBe(2)
  })

  test('an answer that a revocation overtook is not kept, nor any while revocations are not heard', async () => {
    const { authenticator, asked } = counted(claims)
    const underway = authenticator.authenticate(credentials('a'))
    authenticator.revoke('user:u')
    await underway
    await authenticator.authenticate(credentials('a'))
    expect(asked()).toBe(2)
    authenticator.setListening(false)
    await authenticator.authenticate(credentials('a'))
    await authenticator.authenticate(credentials('a'))
    expect(asked()).toBe(4)
  })
})

describe('sockets', () => {
  /** Opens a socket, sends connection_init, and tells the first message and how it closed. */
  function open(payload: object, path = '/graphql') {
    const socket = new WebSocket(api.url.replace('http', 'ws') + path, 'graphql-transport-ws')
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
      socket.on('error', () => {})
    })
    const first = new Promise<string>((resolve) => {
      socket.on('message', (data: Buffer) => resolve((JSON.parse(data.toString()) as { type: string }).type))
      void closed.then(() => resolve('closed'))
    })
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })))
    return { socket, closed, first }
  }

  test('a working token is acknowledged, a wrong one closes with 4401, a foreign tenant with 4403', async () => {
    const good = open({ authorization: `Bearer ${api.token('bob')}`, 'x-tenant': api.ids.tenants.acme })
    expect(await good.first).toBe('connection_ack')
    good.socket.close()
    expect(await open({ token: 'nonsense' }).closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' })
    expect(await open({ token: api.token('bob'), tenant: api.ids.tenants.evil }).closed).toEqual({
      code: 4403,
      reason: 'NOT_A_MEMBER',
    })
  })

  test('queries over a socket are under its claims', async () => {
    const { data } = await new Promise<any>((resolve, reject) => {
      api
        .socket('mallory')
        .subscribe({ query: '{ projects { nodes { slug } } }' }, { next: resolve, error: reject, complete: () => {} })
    })
    expect(data).toEqual({ projects: { nodes: [{ slug: 'lair' }] } })
  })

  test('revoking a session closes its sockets with 4403, refuses its token, and leaves others alone', async () => {
    const [vera, bob] = [open({ token: api.token('vera') }), open({ token: api.token('bob') })]
    expect(await Promise.all([vera.first, bob.first])).toEqual(['connection_ack', 'connection_ack'])
    expect((await api.ask('vera', '{ currentUser { username } }')).data).toEqual({ currentUser: { username: 'vera' } })
    await api.database.superuser.query('update app_public.sessions set revoked_at = now() where user_id = $1', [
      api.ids.users.vera,
    ])
    expect(await vera.closed).toEqual({ code: 4403, reason: 'REVOKED' })
    expect(await api.ask('vera', '{ currentUser { username } }')).toMatchObject({
      status: 401,
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    })
    expect((await api.ask('bob', '{ currentUser { username } }')).data).toEqual({ currentUser: { username: 'bob' } })
    expect(bob.socket.readyState).toBe(WebSocket.OPEN)
    bob.socket.close()
  })
})

test('closing refuses new work, says so, and ends the sockets', async () => {
  const other = await startApi()
  const socket = new WebSocket(`${other.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise((resolve) => socket.on('open', resolve))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await other.app.close()
  expect(await closed).toBe(1001)
  const response = await fetch(`${other.url}/readyz`)
  expect([response.status, await response.json()]).toMatchObject([
    503,
    { checks: { accepting: false, listener: false } },
  ])
  other.app.close = async () => {}
  await other.close()
})

test('the app refuses to start without a database rather than half', async () => {
  const { makeApp } = await import('../../src/server/app.ts')
  const probe = createServer().listen(0)
  const { port } = probe.address() as AddressInfo
  probe.close()
  await expect(
    makeApp({
      config: {
        cors: false,
        introspection: true,
        graphiql: false,
        bodyMaxBytes: 1000,
        webhookMaxBytes: 1000,
        limits: DEFAULT_LIMITS,
      },
      pool: api.database.authenticator,
      authenticatorUrl: `postgres://x:x@127.0.0.1:${port}/x`,
      log: makeLogger({ level: 'silent' }),
    }),
  ).rejects.toThrow(/ECONNREFUSED/)
})
