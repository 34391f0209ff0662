import { startApi, type Api } from '../graphql/api.ts'
import type { PersonName } from '../support/people.ts'
import { until } from '../support/until.ts'
import { stopClock } from '../support/clock.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const FIELDS = 'action userId actorType resourceType resourceId details ipAddress userAgent requestId responseCode'
const logs = async (person: PersonName, action: string) =>
  (
    await api.ask(
      person,
      `query ($action: String!) { auditLogs(filter: {action: {equalTo: $action}}) { nodes { ${FIELDS} } } }`,
      { action },
    )
  ).data.auditLogs.nodes as Record<string, unknown>[]
let requests = 0
const ask = async (person: PersonName, query: string, headers: Record<string, string> = {}) => {
  const requestId = `log-${(requests += 1)}`
  const answer = await api.post('/graphql', {
    method: 'POST',
    body: JSON.stringify({ query }),
    headers: {
      'content-type': 'application/json',
      'user-agent': 'jest',
      'x-request-id': requestId,
      authorization: `Bearer ${api.token(person)}`,
      ...headers,
    },
  })
  return { ...answer, requestId }
}
const soon = (find: () => Promise<Record<string, unknown>[]>): Promise<Record<string, unknown>[]> =>
  until(async () => {
    const rows = await find()
    return rows.length > 0 && rows
  })

test.each([
  ['api_key.created', 'createApiKey(input: {name: "k", scopes: [READ]}) { result { token } }', 'api_key'],
  ['member.invited', 'inviteMember(input: {email: "guest@example.test"}) { clientMutationId }', 'tenant_member'],
  [
    'webhook_source.created',
    'createWebhookSource(input: {projectId: "PROJECT", name: "hub"}) { result { secret } }',
    'webhook_source',
  ],
])('%s leaves one entry, with actor, origin and request, and no secret', async (action, mutation, resourceType) => {
  const { errors, data, requestId } = await ask(
    'alice',
    `mutation { ${mutation.replace('PROJECT', api.ids.projects.shop)} }`,
  )
  expect(errors).toBeUndefined()
  // Not the invitations by which the people came.
  const entries = (await logs('alice', action)).filter((entry) => entry.userAgent !== 'proof')
  expect(entries).toEqual([
    {
      action,
      userId: api.ids.users.alice,
      actorType: 'USER',
      resourceType,
      resourceId: expect.any(String),
      details: expect.any(Object),
      ipAddress: '127.0.0.1',
      userAgent: 'jest',
      requestId,
      responseCode: null,
    },
  ])
  const { token, secret } = (Object.values(data)[0] as { result?: { token?: string; secret?: string } }).result ?? {}
  for (const hidden of [token, secret]) if (hidden) expect(JSON.stringify(entries)).not.toContain(hidden)
  expect(await logs('mallory', action)).toEqual([])
})

test('a refusal is written down with its code and status, once, and for its tenant alone', async () => {
  const { errors, requestId } = await ask(
    'vera',
    'mutation { inviteMember(input: {email: "x@example.test"}) { clientMutationId } }',
  )
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  expect(await soon(() => logs('alice', 'request.refused'))).toMatchObject([
    {
      userId: api.ids.users.vera,
      details: { code: 'FORBIDDEN' },
      responseCode: 403,
      requestId,
      ipAddress: '127.0.0.1',
      userAgent: 'jest',
    },
  ])
  expect(await logs('mallory', 'request.refused')).toEqual([])
})

test('refusals of tokens and of tenants are written down, in no tenant', async () => {
  const refused = async (requestId: string) =>
    (
      await api.database.superuser.query(
        `select tenant_id, user_id, details, response_code from app_public.audit_logs where request_id = $1`,
        [requestId],
      )
    ).rows
  const NOWHERE = '00000000-0000-0000-0000-000000000000'
  const stranger = await ask('alice', '{ currentUser { id } }', { authorization: 'Bearer fh_sess_wrong' })
  expect(stranger.status).toBe(401)
  expect(await soon(() => refused(stranger.requestId))).toEqual([
    { tenant_id: NOWHERE, user_id: null, details: { code: 'UNAUTHENTICATED' }, response_code: 401 },
  ])
  const visitor = await ask('bob', '{ currentUser { id } }', { 'x-tenant': 'evil' })
  expect(visitor.status).toBe(403)
  expect(await soon(() => refused(visitor.requestId))).toMatchObject([
    { details: { code: 'NOT_A_MEMBER' }, response_code: 403 },
  ])
})

test('a flood of refusals leaves ten entries a minute', async () => {
  await api.database.superuser.query('delete from app_private.rate_limits')
  await stopClock(api.database)
  for (let i = 0; i < 15; i++)
    await ask('bob', 'mutation { inviteMember(input: {email: "y@example.test"}) { clientMutationId } }')
  // Each was counted, and so had its chance.
  await until(
    async () =>
      (
        await api.database.superuser.query(
          `select from app_private.rate_limits where subject_type = 'refusal' and subject_id = $1 and count = 15`,
          [api.ids.users.bob],
        )
      ).rowCount,
  )
  const {
    rows: [{ count }],
  } = await api.database.superuser.query(
    `select count(*)::int from app_public.audit_logs where action = 'request.refused' and user_id = $1 and response_code = 403 and details ->> 'code' = 'FORBIDDEN'`,
    [api.ids.users.bob],
  )
  expect(count).toBe(10)
})

test('logging out, and a log-in that fails', async () => {
  const { requestId } = await ask(
    'bob',
    'mutation { login(input: {email: "bob@bob.test", password: "wrong"}) { clientMutationId } }',
  )
  await ask('bob', 'mutation { logout(input: {}) { clientMutationId } }')
  const { rows } = await api.database.superuser.query(
    `select action, user_id, request_id from app_public.audit_logs where action in ('user.login_refused', 'user.logout') order by id`,
  )
  expect(rows).toMatchObject([
    { action: 'user.login_refused', user_id: api.ids.users.bob, request_id: requestId },
    { action: 'user.logout', user_id: api.ids.users.bob },
  ])
})
