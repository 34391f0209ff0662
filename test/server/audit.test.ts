import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { startApi, type Answer, type Api } from '../graphql/api.ts'
import type { PersonName } from '../support/people.ts'
import { until } from '../support/until.ts'

let api: Api
const keys = {} as Record<'write' | 'read' | 'evil', string>
beforeAll(async () => {
  api = await startApi({ bodyMaxBytes: 200_000 })
  const key = async (person: PersonName, scope: string): Promise<string> => {
    const { data, errors } = await api.ask(
      person,
      `mutation { createApiKey(input: {name: "daemon", scopes: [${scope}]}) { result { token } } }`,
    )
    if (errors) throw new Error(JSON.stringify(errors))
    return data.createApiKey.result.token
  }
  keys.write = await key('bob', 'WRITE')
  keys.read = await key('alice', 'READ')
  keys.evil = await key('mallory', 'WRITE')
})
afterAll(() => api.close())
beforeEach(async () => {
  await api.database.superuser.query(`delete from app_private.audit_event_ids`)
})

const event = (values: object = {}) => ({
  id: randomUUID(),
  entity_id: randomUUID(),
  action: 'disk.full',
  user_id: null,
  diff: { free: 0 },
  snapshot: { free: 0 },
  created_at: '2026-01-02T03:04:05Z',
  ...values,
})
const send = (
  body: string,
  { token = keys.write as string | null, type = 'application/x-ndjson', headers = {} as Record<string, string> } = {},
) =>
  api.post('/audit', {
    method: 'POST',
    body,
    headers: { 'content-type': type, ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
  }) as Promise<
    Answer & {
      stored?: number
      duplicates?: number
      error?: { code: string; detail?: { errors?: { line: number; message: string }[] } }
    }
  >
const lines = (...events: object[]) => events.map((each) => JSON.stringify(each)).join('\n')
const stored = async (): Promise<number> =>
  (await api.database.superuser.query('select count(*)::int as count from app_private.audit_event_ids')).rows[0].count
const listed = async (person: PersonName, entity: string) =>
  (
    await api.ask(
      person,
      'query ($id: UUID!) { auditLogs(filter: {resourceId: {equalTo: $id}}) { nodes { id userId action occurredAt isReported actorType apiKeyId details requestId resourceType } } }',
      { id: entity },
    )
  ).data.auditLogs.nodes

test('one event is stored with who reported it; its tenant reads it, another does not', async () => {
  const sent = event({ entity_type: 'disk' })
  const answer = await send(JSON.stringify(sent), {
    type: 'application/json',
    headers: { 'x-request-id': 'from-a-daemon' },
  })
  expect(answer).toMatchObject({ status: 200, stored: 1, duplicates: 0 })
  expect(await listed('alice', sent.entity_id)).toEqual([
    {
      id: sent.id,
      userId: null,
      action: 'disk.full',
      occurredAt: '2026-01-02T03:04:05.000000+00:00',
      isReported: true,
      actorType: 'API',
      apiKeyId: expect.any(String),
      resourceType: 'disk',
      details: { diff: { free: 0 }, snapshot: { free: 0 } },
      requestId: 'from-a-daemon',
    },
  ])
  expect(await listed('mallory', sent.entity_id)).toEqual([])
})

test('what an older daemon sends is taken: documents as JSON in strings, an empty user_id', async () => {
  const old = event({ user_id: '', diff: '{"free": 1}', snapshot: '' })
  expect(await send(JSON.stringify(old), { type: 'application/json' })).toMatchObject({ status: 200, stored: 1 })
  expect(await listed('alice', old.entity_id)).toMatchObject([{ userId: null, details: { diff: { free: 1 } } }])
  const answer = await send(
    lines(
      event({ diff: 'free: 1' }),
      event({ snapshot: '[1]' }),
      event({ diff: '"\\"{}\\""' }),
      event({ diff: 7 }),
      event({ user_id: 'bob' }),
    ),
  )
  expect(answer.error!.detail!.errors).toEqual([
    { line: 1, message: 'diff is not an object' },
    { line: 2, message: 'snapshot is not an object' },
    { line: 3, message: 'diff is not an object' },
    { line: 4, message: 'diff is not an object' },
    { line: 5, message: 'user_id is neither a UUID nor null' },
  ])
})

test('nobody is spoken for who is not of the tenant, and what is said of a member is marked as reported', async () => {
  const { alice, mallory, nobody } = api.ids.users
  const answer = await send(
    lines(
      event({ user_id: alice }),
      event({ user_id: mallory }),
      event({ user_id: nobody }),
      event({ user_id: randomUUID() }),
    ),
  )
  const message = 'user_id is no member of the tenant'
  expect(answer).toMatchObject({ status: 422, error: { code: 'AUDIT_EVENTS_NOT_VALID' } })
  expect(answer.error!.detail!.errors).toEqual([2, 3, 4].map((line) => ({ line, message })))
  expect(await stored()).toBe(0)
  const said = event({ user_id: alice, action: 'user.login' })
  expect(await send(lines(said))).toMatchObject({ stored: 1 })
  expect(await listed('alice', said.entity_id)).toMatchObject([{ userId: alice, isReported: true }])
  const { auditLogs } = (
    await api.ask('alice', '{ auditLogs(filter: {action: {equalTo: "user.login"}}) { nodes { isReported } } }')
  ).data
  expect(auditLogs.nodes).toEqual(expect.arrayContaining([{ isReported: true }]))
  const seen = (
    await api.ask('alice', '{ auditLogs(filter: {action: {equalTo: "api_key.created"}}) { nodes { isReported } } }')
  ).data.auditLogs.nodes as { isReported: boolean }[]
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.every(({ isReported }) => !isReported)).toBe(true)
})

test('what comes again is not stored again, and ids of two tenants are apart', async () => {
  const [a, b] = [event(), event()]
  expect(await send(lines(a))).toMatchObject({ stored: 1, duplicates: 0 })
  expect(await send(lines(a, b, b))).toMatchObject({ stored: 1, duplicates: 2 })
  expect(await send(lines(a), { token: keys.evil })).toMatchObject({ stored: 1, duplicates: 0 })
  expect(await listed('alice', a.entity_id)).toHaveLength(1)
  expect(await listed('mallory', a.entity_id)).toHaveLength(1)
  const many = await Promise.all(
    Array.from({ length: 5 }, () =>
      send(lines(event({ id: b.id }), event({ id: '0199e2a0-0000-7000-8000-000000000000' }))),
    ),
  )
  expect(many.reduce((sum, each) => sum + each.stored!, 0)).toBe(1)
})

test('5 000 lines at once, in either spelling of the type', async () => {
  const batch = Array.from({ length: 5000 }, () => event())
  expect(await send(`${lines(...batch)}\n`)).toMatchObject({ status: 200, stored: 5000, duplicates: 0 })
  expect(await send(lines(...batch.slice(0, 10)), { type: 'application/ndjson; charset=utf-8' })).toMatchObject({
    stored: 0,
    duplicates: 10,
  })
  expect(await stored()).toBe(5000)
})

test('every line that is not valid is named by its place in the body, and nothing is stored', async () => {
  const answer = await send(
    [
      '',
      JSON.stringify(event()),
      '',
      JSON.stringify(event({ id: 'x' })),
      '[]',
      JSON.stringify(event({ action: '' })),
    ].join('\r\n'),
  )
  expect(answer).toMatchObject({ status: 422, error: { code: 'AUDIT_EVENTS_NOT_VALID' } })
  expect(answer.error!.detail).toEqual({
    errors: [
      { line: 4, message: 'id is not a UUID' },
      { line: 5, message: 'an event is an object' },
      { line: 6, message: 'action is not a text of 1 to 255 characters' },
    ],
  })
  const broken = await send([JSON.stringify(event()), '{"id": ', JSON.stringify(event()), 'hello'].join('\n'))
  expect(broken).toMatchObject({
    status: 422,
    error: {
      code: 'AUDIT_EVENTS_NOT_VALID',
      detail: {
        errors: [
          { line: 2, message: 'it is not JSON' },
          { line: 4, message: 'it is not JSON' },
        ],
      },
    },
  })
  expect(await send('[]', { type: 'application/json' })).toMatchObject({
    status: 422,
    error: { detail: { errors: [{ line: 1 }] } },
  })
  expect(await stored()).toBe(0)
})

test('a connection that is lost halfway leaves nothing, and the batch can be sent again', async () => {
  const batch = lines(...Array.from({ length: 500 }, () => event()))
  // Somebody holds the table: the batch waits, and is killed while it does.
  const holder = await api.database.superuser.connect()
  await holder.query('begin; lock table app_public.audit_logs in exclusive mode')
  const waiting = send(batch)
  const killed = await until(
    async () =>
      (
        await api.database.superuser.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and usename = 'freehold_authenticator'`,
        )
      ).rowCount,
  )
  await holder.query('rollback')
  holder.release()
  expect(killed).toBe(1)
  expect(await waiting).toMatchObject({ status: 503, error: { code: 'UNAVAILABLE' } })
  expect(await stored()).toBe(0)
  expect(await send(batch)).toMatchObject({ status: 200, stored: 500, duplicates: 0 })
})

test.each([
  ['a key that only reads', () => ({ token: keys.read }), 403, 'FORBIDDEN'],
  ['a session', () => ({ token: api.token('alice') }), 403, 'FORBIDDEN'],
  ['nobody', () => ({ token: null }), 401, 'UNAUTHENTICATED'],
  ['a key that is none', () => ({ token: `${keys.write}0` }), 401, 'UNAUTHENTICATED'],
  ['another kind of body', () => ({ type: 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
] as const)('%s is refused', async (_what, options, status, code) => {
  expect(await send(lines(event()), options())).toMatchObject({ status, error: { code } })
  expect(await stored()).toBe(0)
})

test('a batch of rubbish holds nobody up: lines, values and depth have a limit, and it is read by slices', async () => {
  const tooLarge = { status: 400, error: { code: 'INPUT_TOO_LARGE' } }
  expect(await send('x\n'.repeat(20_001))).toMatchObject(tooLarge)
  expect(await send('\n'.repeat(1_000_000))).toMatchObject(tooLarge)
  expect(await send(`[${'[],'.repeat(60_000)}[]]`)).toMatchObject(tooLarge)
  expect(await send(`[${'[],'.repeat(40_000)}[]]\n`.repeat(15))).toMatchObject(tooLarge)
  expect(await send('['.repeat(100_000) + ']'.repeat(100_000))).toMatchObject(tooLarge)
  expect(await stored()).toBe(0)
  // Others are served between the slices.
  let turns = 0
  const count = () => {
    turns += 1
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  const { error } = await send('x\n'.repeat(20_000))
  clearImmediate(counting)
  expect(error!.detail!.errors).toHaveLength(20_000)
  expect(turns).toBeGreaterThan(50)
  expect(await send(lines(event()))).toMatchObject({ status: 200, stored: 1 })
})

test('a caller has room for four of the largest batches, and others theirs', async () => {
  const answers: string[] = []
  const hold = () => {
    const { hostname, port } = new URL(api.url)
    const socket = connect(Number(port), hostname)
      .on('error', () => {})
      .on('data', (data) => answers.push(String(data)))
    socket.write(
      `POST /audit HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer ${keys.write}\r\n` +
        'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
    )
    return socket
  }
  const holders = [hold(), hold(), hold(), hold(), hold()]
  await until(() => answers.length > 0)
  expect(await send(lines(event()))).toMatchObject({ error: { code: 'TOO_MUCH_IN_FLIGHT' } })
  expect(await send(lines(event()), { token: keys.evil })).toMatchObject({ status: 200, stored: 1 })
  for (const holder of holders) holder.destroy()
  await until(async () => (await send(lines(event()))).status === 200)
})

test('a body beyond the limit is refused: one event beyond it, a batch beyond ten times it', async () => {
  const big = { diff: { text: 'x'.repeat(60_000) } }
  const padded = (count: number) => lines(...Array.from({ length: count }, () => event(big)))
  expect(
    await send(JSON.stringify(event({ diff: { text: 'x'.repeat(200_000) } })), { type: 'application/json' }),
  ).toMatchObject({ status: 413, error: { code: 'PAYLOAD_TOO_LARGE' } })
  expect(await send(padded(40))).toMatchObject({ status: 413, error: { code: 'PAYLOAD_TOO_LARGE' } })
  expect(await send(lines(...Array.from({ length: 10_001 }, () => ({}))))).toMatchObject({
    status: 400,
    error: { code: 'BAD_USER_INPUT' },
  })
  expect(await stored()).toBe(0)
  expect(await send(padded(20))).toMatchObject({ status: 200, stored: 20 })
  expect(await api.post('/audit', { method: 'GET' })).toMatchObject({
    status: 405,
    error: { code: 'METHOD_NOT_ALLOWED' },
  })
})
