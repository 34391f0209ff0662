import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { handleProtocols, makeServer } from 'graphql-ws'
import { GraphQLError } from 'postgraphile/graphql'
import type { makeGraphQLWSConfig } from 'postgraphile/grafserv'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { Limits } from '../limits.ts'
import type { Claims } from '../db/withTenant.ts'
import { mapDatabaseError, ServerError } from '../errors.ts'
import { makeAllowances } from '../graphql/limits/allowances.ts'
import { callerOf } from '../graphql/limits/caller.ts'
import { networkOf } from '../graphql/limits/networkOf.ts'
import { makeTurns } from '../graphql/limits/turns.ts'
import type { Logger } from '../log.ts'
import { bearerToken, isRevoked, type Authenticator } from './authenticate.ts'
import type { RefusalLog } from './refusals.ts'
import { requestIdOf } from './install/requestId.ts'
import { clientAddress, factsOf, forwardedAddress, setFacts, userAgent } from './request.ts'
import { makeTally, type Tally } from './tally.ts'

/** How often an open socket proves again who it is, besides the moment at which its session or key ends. */
const RECHECK_MS = 60_000
/** How long a new socket may take to say who it is. */
const INIT_WAIT_MS = 3000
/** How long a socket that was closed may take to agree. */
const CLOSE_WAIT_MS = 1000
/** How often a socket has to show that somebody is there. */
const PING_MS = 12_000
/** Operations that one socket may have open at once. */
const MAX_OPERATIONS = 100
/** Longest message: a document and its variables. */
const MESSAGE_BYTES = 131_072
/** Pieces that a message may come in; what is kept of each takes some 300 bytes besides its own. */
const MESSAGE_PIECES = 1000
/** Messages of one address a minute; a tenth of them at once. A new socket counts as ten. */
const MESSAGES_PER_MINUTE = 30_000
const MESSAGES_OF_OPENING = 10

/** Private close codes of graphql-ws and ours: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md */
const CLOSE = { unauthorized: 4401, forbidden: 4403, tooMany: 4429, goingAway: 1001 } as const

export interface SocketsDeps {
  authenticator: Authenticator
  refusals: RefusalLog
  log: Logger
  limits: Limits
  trustedProxies?: number
  /** Milliseconds instead of INIT_WAIT_MS; for tests. */
  initWaitMs?: number
}

export interface Sockets {
  attach(server: Server): void
  revoke(payload: string): void
  close(): Promise<void>
}

type GraphqlWsConfig = ReturnType<typeof makeGraphQLWSConfig>

/** A socket that said who it is. */
interface Open {
  readonly request: IncomingMessage
  /** What its sockets and subscriptions are counted under: the caller and the address. */
  readonly names: readonly string[]
  check(): Promise<void>
  expiry: NodeJS.Timeout | undefined
}

/** Websockets at /graphql: who may open how many, for how long, and what each may send. */
export function makeSockets(config: GraphqlWsConfig, deps: SocketsDeps): Sockets {
  const { authenticator, refusals, log, limits } = deps
  const open = new Map<WebSocket, Open>()
  const sockets = makeTally(limits.maxSockets)
  const operations = makeTally(limits.maxSubscriptions)
  const messages = makeAllowances(MESSAGES_PER_MINUTE)
  // A message may start an operation, and a hundred come in one packet: they are dealt with one in a turn of the loop.
  const turns = makeTurns({ length: limits.maxSubscriptions })
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    maxFragments: MESSAGE_PIECES,
    maxBufferedChunks: MESSAGE_PIECES,
    handleProtocols,
  } as ServerOptions)
  const attached = new Map<Server, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>()

  const refuse = (socket: WebSocket, error: unknown) => {
    const known = mapDatabaseError(error)
    if (!known) log.error({ err: error }, 'internal error while authenticating a socket')
    shut(socket, closeCode(known?.httpStatus), known?.code ?? 'INTERNAL')
  }

  /** Runs an operation while it is counted; a stream until it ends, however it ends. */
  async function counted<R>(args: unknown, run: () => Promise<R>): Promise<R> {
    const socket = (args as { requestContext: { ws: { socket: WebSocket } } }).requestContext.ws.socket
    const refusal = refusalIn(socket)
    if (refusal) return { errors: [asError(refusal)] } as R
    const release = operations.take(open.get(socket)?.names ?? [])
    try {
      const result = await run()
      if (isStream(result)) return untilDone(result, release) as R
      release()
      return result
    } catch (error) {
      release()
      throw error
    }
  }

  function refusalIn(socket: WebSocket): ServerError | undefined {
    if (socket.bufferedAmount > limits.maxAnswerSize)
      return new ServerError('OVERLOADED', 'Read the answers that are on their way before you ask for more.')
    return operations.isFull(open.get(socket)?.names ?? []) ? new ServerError('TOO_MANY_SUBSCRIPTIONS') : undefined
  }

  const gql = makeServer<Record<string, unknown>, { socket: WebSocket; request: IncomingMessage }>({
    ...config,
    connectionInitWaitTimeout: deps.initWaitMs ?? INIT_WAIT_MS,
    onSubscribe(context, id, payload) {
      const isFull = Object.keys(context.subscriptions).length > MAX_OPERATIONS
      const refusal = isFull ? new ServerError('TOO_MANY_SUBSCRIPTIONS') : refusalIn(context.extra.socket)
      return refusal ? [asError(refusal)] : config.onSubscribe!(context, id, payload)
    },
    execute: (args) => counted(args, async () => await config.execute!(args)),
    subscribe: (args) => counted(args, async () => await config.subscribe!(args)),
    async onConnect({ connectionParams, extra: { socket, request } }) {
      const check = async () => {
        const { requestId } = factsOf(request)
        const { expires_at: expiresAt, ...claims } = await authenticator.authenticate({
          ...presented(connectionParams),
          ...origin(request),
          requestId,
        })
        // A socket lives long: what is hidden from it, and its rank in a project, are found anew for each event.
        setFacts(request, { requestId, claims: { ...claims, hidden_project_ids: '', project_ranks: '' } })
        return expiresAt
      }
      let expiresAt: number | null | undefined
      try {
        expiresAt = await check()
      } catch (error) {
        const { requestId } = factsOf(request)
        const { ip, userAgent: agent } = origin(request)
        refusals.note(
          error,
          { ip, user_agent: agent, request_id: requestId },
          { hasToken: presented(connectionParams).token !== null },
        )
        refuse(socket, error)
        return false
      }
      // It may have hung up meanwhile, and would then be forgotten by nobody.
      if (socket.readyState !== socket.OPEN) return false
      const caller = callerOf(factsOf(request).claims).id
      const entry: Open = {
        request,
        names: [...new Set([caller, addressOf(request)])],
        expiry: undefined,
        async check() {
          this.expiry = closeAt(socket, await check(), this)
        },
      }
      // The address was counted when the socket came.
      const own = entry.names.filter((name) => name !== addressOf(request))
      if (sockets.isFull(own)) {
        shut(socket, CLOSE.tooMany, 'TOO_MANY_SOCKETS')
        return false
      }
      const release = sockets.take(own)
      open.set(socket, entry)
      entry.expiry = closeAt(socket, expiresAt, entry)
      socket.once('close', () => {
        clearTimeout(entry.expiry)
        open.delete(socket)
        release()
      })
      return true
    },
  })

  /** Asks again who it is when the session or key ends; a longer one goes on. */
  function closeAt(socket: WebSocket, expiresAt: number | null | undefined, entry: Open): NodeJS.Timeout | undefined {
    clearTimeout(entry.expiry)
    if (typeof expiresAt !== 'number' || !Number.isFinite(expiresAt)) return undefined
    const inMs = Math.min(Math.max(expiresAt - Date.now(), 50), 86_400_000)
    return setTimeout(() => {
      entry.check().catch((error: unknown) => refuse(socket, error))
    }, inMs).unref()
  }

  /** Lets a socket speak graphql-transport-ws. (graphql-ws does the same, and prints what clients do wrong to standard error.) */
  function serve(socket: WebSocket, request: IncomingMessage): void {
    const address = addressOf(request)
    let isAlive = true
    const ping = setInterval(() => {
      if (!isAlive) return socket.terminate()
      isAlive = false
      socket.ping()
    }, PING_MS)
    const closed = gql.opened(
      {
        protocol: socket.protocol,
        send: (text) =>
          new Promise((resolve) => {
            // A client that is gone misses its answer, and nobody else does.
            if (socket.readyState === socket.OPEN) socket.send(text, () => resolve())
            else resolve()
          }),
        close: (code, reason) => shut(socket, code ?? 1000, reason ?? ''),
        onMessage: (handle) =>
          socket.on('message', (data: Buffer) => {
            if (socket.readyState !== socket.OPEN) return
            messages.take(address, 1)
            const turn = messages.has(address) ? turns.take(open.get(socket)?.names[0] ?? address) : undefined
            if (!turn) return shut(socket, CLOSE.tooMany, 'TOO_MANY_MESSAGES')
            turn
              .then(async () => {
                if (socket.readyState === socket.OPEN) await handle(data.toString('utf8'))
              })
              .catch((error: unknown) => {
                log.error({ err: error }, 'internal error in a message of a socket')
                shut(socket, 1011, 'INTERNAL')
              })
          }),
      },
      { socket, request },
    )
    socket.on('pong', () => (isAlive = true))
    socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
    socket.once('close', (code, reason) => {
      clearInterval(ping)
      void closed(code, reason.toString('utf8'))
    })
  }

  const recheck = setInterval(() => {
    for (const [socket, entry] of open) entry.check().catch((error: unknown) => refuse(socket, error))
  }, RECHECK_MS)
  recheck.unref()

  return {
    attach(server: Server): void {
      const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url?.split('?', 1)[0] !== '/graphql') return
        Object.assign(request, { ip: forwardedAddress(request, deps.trustedProxies ?? 0) })
        const address = [addressOf(request)]
        if (sockets.isFull(address) || !messages.has(address[0]!)) return turnAway(socket)
        messages.take(address[0]!, MESSAGES_OF_OPENING)
        const release = sockets.take(address)
        socket.once('close', release)
        setFacts(request, { requestId: requestIdOf(request.headers['x-request-id']?.toString()) })
        wss.handleUpgrade(request, socket, head, (ws) => serve(ws, request))
      }
      attached.set(server, upgrade)
      server.on('upgrade', upgrade)
    },
    revoke(payload: string): void {
      for (const [socket, { request }] of open) {
        const claims: Claims | undefined = factsOf(request).claims
        if (claims && isRevoked(claims, payload)) shut(socket, CLOSE.forbidden, 'REVOKED')
      }
    },
    async close(): Promise<void> {
      clearInterval(recheck)
      for (const [server, upgrade] of attached) server.off('upgrade', upgrade)
      for (const socket of wss.clients) shut(socket, CLOSE.goingAway, 'GOING_AWAY')
      await new Promise((resolve) => wss.close(resolve))
    },
  }
}

function closeCode(httpStatus: number | undefined): number {
  if (httpStatus === 401) return CLOSE.unauthorized
  if (httpStatus === 429) return CLOSE.tooMany
  return httpStatus !== undefined && httpStatus < 500 ? CLOSE.forbidden : 1011
}

/** Closes, and does not wait long for a client that does not answer: until then its subscriptions would go on. */
function shut(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  setTimeout(() => socket.terminate(), CLOSE_WAIT_MS).unref()
}

function turnAway(socket: Duplex): void {
  socket.on('error', () => {})
  socket.end('HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

const asError = (error: ServerError): GraphQLError =>
  new GraphQLError(error.message, { originalError: error, extensions: { code: error.code } })

const isStream = (result: unknown): result is AsyncGenerator =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

/** The stream, telling once that it is over. */
function untilDone(results: AsyncGenerator, release: ReturnType<Tally['take']>): AsyncGenerator {
  const stream = {
    [Symbol.asyncIterator]: () => stream,
    async next() {
      try {
        const next = await results.next()
        if (next.done) release()
        return next
      } catch (error) {
        release()
        throw error
      }
    },
    async return(value: unknown) {
      release()
      return await results.return(value)
    },
    async throw(error: unknown) {
      release()
      return await results.throw(error)
    },
  } as unknown as AsyncGenerator
  return stream
}

/** Token and tenant of `connectionParams`: {authorization: 'Bearer …'} or {token: '…'}, and {'x-tenant': '…'} or {tenant: '…'}. */
function presented(params: Record<string, unknown> | undefined): { token: string | null; tenant: string | null } {
  const given = new Map(Object.entries(params ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  const text = (name: string) => {
    const value = given.get(name)
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    token: text('token') ?? bearerToken(text('authorization')),
    tenant: text('tenant') ?? text('x-tenant') ?? null,
  }
}

const origin = (request: IncomingMessage) => ({ ip: clientAddress(request), userAgent: userAgent(request) })

const addressOf = (request: IncomingMessage): string => `address ${networkOf(clientAddress(request))}`
