import WebSocket from 'ws'
import { startApi, type Api } from './api.ts'
import { until } from '../support/until.ts'
import type { PersonName } from '../support/people.ts'

let api: Api
beforeAll(async () => {
  api = await startApi({ trustedProxies: 1, limits: { maxSockets: 2, maxSubscriptions: 3 } })
})
afterAll(() => api.close())

const CHANGED = { query: 'subscription { deploymentChanged { eventId } }' }

interface Message {
  type: string
  id?: string
  payload?: any
}

interface Raw {
  socket: WebSocket
  messages: Message[]
  closed: Promise<{ code: number; reason: string }>
  send(message: object): void
  /** Waits for the answer to an operation. */
  answer(id: string): Promise<Message>
}

let addresses = 0
/** A websocket as a client without manners would hold it; each comes from an address of its own unless one is given. */
async function open(address = `198.51.100.${++addresses}`, person?: PersonName): Promise<Raw> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': `203.0.113.7, ${address}` },
  })
  const messages: Message[] = []
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  socket.on('error', () => {})
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as Message))
  const send = (message: object) => socket.send(JSON.stringify(message))
  const state = await Promise.race([
    new Promise<string>((resolve) => socket.on('open', () => resolve('open'))),
    closed.then(() => 'closed'),
  ])
  if (state === 'open' && person) {
    send({ type: 'connection_init', payload: { token: api.token(person) } })
    await Promise.race([until(() => messages.some(({ type }) => type === 'connection_ack')), closed])
  }
  return {
    socket,
    messages,
    closed,
    send,
    async answer(id) {
      await until(() => messages.some((message) => message.id === id))
      return messages.find((message) => message.id === id)!
    },
  }
}

const listeners = () => api.log().filter(({ msg }) => msg === 'listening').length

test('an address holds so many sockets, and another its own', async () => {
  const held = [await open('192.0.2.1'), await open('192.0.2.1')]
  // Turned away before the handshake.
  const { closed, socket } = await open('192.0.2.1')
  expect([(await closed).code, socket.readyState]).toEqual([1006, WebSocket.CLOSED])
  const other = await open('192.0.2.2')
  expect(other.socket.readyState).toBe(WebSocket.OPEN)
  held[0]!.socket.close()
  await held[0]!.closed
  await until(async () => {
    const again = await open('192.0.2.1')
    const isOpen = again.socket.readyState === WebSocket.OPEN
    again.socket.close()
    return isOpen
  })
  for (const each of [held[1]!, other]) each.socket.close()
})

test('an IPv6 address is its /64', async () => {
  const held = [await open('2001:db8:1:2::1'), await open('2001:db8:1:2:ffff::1')]
  expect((await (await open('2001:db8:1:2::3')).closed).code).toBe(1006)
  const other = await open('2001:db8:1:3::1')
  expect(other.socket.readyState).toBe(WebSocket.OPEN)
  for (const each of [...held, other]) each.socket.close()
})

test('a caller holds so many sockets, from wherever they come, and another caller their own', async () => {
  const held = [await open(undefined, 'alice'), await open(undefined, 'alice')]
  expect(await (await open(undefined, 'alice')).closed).toEqual({ code: 4429, reason: 'TOO_MANY_SOCKETS' })
  const bob = await open(undefined, 'bob')
  expect(bob.messages).toMatchObject([{ type: 'connection_ack' }])
  for (const each of [...held, bob]) each.socket.close()
  await Promise.all(held.map(({ closed }) => closed))
  await until(async () => {
    const again = await open(undefined, 'alice')
    const isOpen = again.messages.length > 0
    again.socket.close()
    return isOpen
  })
})

test('a caller holds so many subscriptions over all sockets; one that hangs up leaves room', async () => {
  const [one, two] = [await open(undefined, 'mallory'), await open(undefined, 'mallory')]
  const before = listeners()
  for (const id of ['a', 'b', 'c']) one.send({ id, type: 'subscribe', payload: CHANGED })
  await until(() => listeners() === before + 3)
  two.send({ id: 'd', type: 'subscribe', payload: CHANGED })
  expect(await two.answer('d')).toMatchObject({
    type: 'error',
    payload: [{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }],
  })
  one.socket.terminate()
  let n = 0
  await until(async () => {
    const id = `e${n++}`
    two.send({ id, type: 'subscribe', payload: CHANGED })
    await until(() => listeners() > before + 3 || two.messages.some((message) => message.id === id))
    return listeners() > before + 3
  })
  // Ended by the client: all three can be had again, again and again.
  for (let round = 0; round < 3; round++) {
    const last = `e${n - 1}`
    two.send({ id: round === 0 ? last : `r${round - 1}`, type: 'complete' })
    const heard = listeners()
    await until(async () => {
      two.send({ id: `r${round}`, type: 'subscribe', payload: CHANGED })
      await until(() => listeners() > heard || two.messages.some((message) => message.id === `r${round}`))
      return listeners() > heard
    })
  }
  two.socket.close()
})

test('a socket that does not say who it is is closed', async () => {
  const { closed } = await open()
  expect((await closed).code).toBe(4408)
})

test('a session that ends closes its sockets then, and not those of others', async () => {
  await api.database.superuser.query(
    `update app_public.sessions set expires_at = now() + interval '1.5 seconds' where user_id = $1`,
    [api.ids.users.vera],
  )
  const [vera, bob] = [await open(undefined, 'vera'), await open(undefined, 'bob')]
  expect(vera.messages).toMatchObject([{ type: 'connection_ack' }])
  expect(await vera.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' })
  expect(bob.socket.readyState).toBe(WebSocket.OPEN)
  bob.socket.close()
})

test('a message that is too long is not read', async () => {
  const { socket, closed } = await open(undefined, 'bob')
  socket.send(`{"id":"1","type":"subscribe","payload":{"query":"#${'x'.repeat(200_000)}"}}`)
  expect((await closed).code).toBe(1009)
})

test('who sends messages faster than they are read is shut out', async () => {
  const { socket, closed } = await open(undefined, 'bob')
  for (let n = 0; n < 4000; n++) socket.send('{"type":"ping"}')
  expect(await closed).toEqual({ code: 4429, reason: 'TOO_MANY_MESSAGES' })
})

test('what clients do wrong is not printed', async () => {
  const { socket, closed } = await open(undefined, 'bob')
  socket.send('nonsense')
  expect((await closed).code).toBe(4400)
  expect(api.log().filter(({ level }) => level === 'error')).toEqual([])
})

test('a message in crumbs ends the socket, one in a few pieces is read', async () => {
  const [crumbs, pieces] = [await open(), await open()]
  for (const letter of ' '.repeat(1500)) crumbs.socket.send(letter, { fin: false })
  expect(await crumbs.closed).toMatchObject({ code: 1008 })
  pieces.socket.send('{"type": ', { fin: false })
  pieces.socket.send('"ping"}', { fin: true })
  await until(() => pieces.messages.some(({ type }) => type === 'pong'))
  pieces.socket.terminate()
})
