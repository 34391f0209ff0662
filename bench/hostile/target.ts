import { request, Agent, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import WebSocket from 'ws'

/** Attackers come from an address of their own, as they do in life; elsewhere than on Linux it is everybody's. */
const LOCAL_ADDRESS = process.platform === 'linux' ? { localAddress: '127.0.0.2' } : {}
/** Requests that an attack has under way. */
const IN_FLIGHT = 8
/** Pause of each of them between two requests: the attack must not win by taking the processors from the server. */
const PAUSE_MS = 15

/** What an attack is pointed at, and what it may use. Everything it opens ends with the signal. */
export interface Target {
  readonly url: string
  /** Token of the attacker, a member of a tenant of their own. */
  readonly token: string
  readonly signal: AbortSignal
  /** How the server answered, by HTTP status or code, and how often. */
  readonly answers: Map<string, number>
}

export interface Sent {
  readonly body: string
  readonly isAnonymous?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends requests of this kind, several at once, until the attack is over. */
export async function flood(target: Target, make: (n: number) => Sent): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  let n = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (!target.signal.aborted) {
        tell(target, await post(target, agent, make(n++)))
        await pause(target, PAUSE_MS)
      }
    }),
  )
  agent.destroy()
}

function post(
  { url, token, signal }: Target,
  agent: Agent,
  { body, isAnonymous = false, headers }: Sent,
): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(
      `${url}/graphql`,
      {
        method: 'POST',
        agent,
        signal,
        ...LOCAL_ADDRESS,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(!isAnonymous && { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response: IncomingMessage) => {
        let head = ''
        response.on('data', (chunk: Buffer) => {
          if (head.length < 2000) head += chunk.toString('utf8')
        })
        response.on('end', () => resolve(/"code":"(\w+)"/.exec(head)?.[1] ?? String(response.statusCode)))
        response.on('error', () => resolve('hung up'))
      },
    )
    sent.on('error', () => resolve('hung up'))
    sent.end(body)
  })
}

/** Connections that send this at first and then a byte now and then, as many as the server takes. */
export async function drip(target: Target, count: number, head: string): Promise<void> {
  const { hostname, port } = new URL(target.url)
  const sockets: Socket[] = []
  while (!target.signal.aborted) {
    for (let n = sockets.length; n < count && !target.signal.aborted; n += 10) {
      for (let i = 0; i < 10; i++) {
        const socket = connect({ host: hostname, port: Number(port), ...LOCAL_ADDRESS })
        socket.on('error', () => {})
        socket.write(head)
        sockets.push(socket)
      }
      await pause(target, 10)
    }
    for (const socket of sockets) if (socket.writable) socket.write(' ')
    await pause(target, 100)
  }
  for (const socket of sockets) socket.destroy()
  tell(target, 'slow')
}

/**
 * Opens websockets and lets `act` loose on each, `count` at a time; one that closes is replaced.
 * `init`: whether they say who they are first.
 */
export async function sockets(
  target: Target,
  { count, init = true, isAnonymous = false }: { count: number; init?: boolean; isAnonymous?: boolean },
  act: (socket: WebSocket, index: number) => void | Promise<void>,
): Promise<void> {
  let index = 0
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (!target.signal.aborted) {
        const socket = new WebSocket(
          `${target.url.replace('http', 'ws')}/graphql`,
          'graphql-transport-ws',
          LOCAL_ADDRESS,
        )
        const closed = new Promise<void>((resolve) => {
          socket.on('close', (code) => {
            tell(target, `closed ${code}`)
            resolve()
          })
          socket.on('error', () => {})
        })
        const stop = () => socket.terminate()
        target.signal.addEventListener('abort', stop, { once: true })
        const send = (message: object) => socket.send(JSON.stringify(message))
        socket.on('open', () => {
          if (init) send({ type: 'connection_init', payload: isAnonymous ? {} : { token: target.token } })
          else void act(socket, index++)
        })
        socket.on('message', (data: Buffer) => {
          const text = data.toString('utf8')
          if (text.includes('"connection_ack"')) void act(socket, index++)
          else tell(target, /"code":"(\w+)"/.exec(text)?.[1] ?? 'message')
        })
        await closed
        target.signal.removeEventListener('abort', stop)
        await pause(target, PAUSE_MS)
      }
    }),
  )
}

function tell({ answers }: Target, answer: string): void {
  answers.set(answer, (answers.get(answer) ?? 0) + 1)
}

/** A pause that the end of the attack cuts short. */
export function pause({ signal }: Pick<Target, 'signal'>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
