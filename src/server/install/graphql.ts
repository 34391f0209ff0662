import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { IncomingMessage } from 'node:http'
import type { Express } from 'express'
import { useServer } from 'graphql-ws/use/ws'
import { postgraphile } from 'postgraphile'
import { GraphQLError } from 'postgraphile/graphql'
import { makeGraphQLWSConfig } from 'postgraphile/grafserv'
import { grafserv } from 'postgraphile/grafserv/express/v4'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Claims } from '../../db/withTenant.ts'
import { mapDatabaseError, ServerError } from '../../errors.ts'
import { makePreset, type PresetDeps } from '../../graphql/preset.ts'
import type { Logger } from '../../log.ts'
import { bearerToken, isRevoked, type Authenticator } from '../authenticate.ts'
import type { RefusalLog } from '../refusals.ts'
import { clientAddress, factsOf, setFacts, userAgent } from '../request.ts'
import { requestIdOf } from './requestId.ts'

/** How often an open socket proves again who it is, in case its session ends by time, which nobody announces. */
const RECHECK_MS = 60_000

/** Operations that one socket may have open at once. */
const MAX_OPERATIONS = 100

/** Private close codes of graphql-ws and ours: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md */
const CLOSE = { unauthorized: 4401, forbidden: 4403, goingAway: 1001 } as const

export interface GraphqlDeps extends Omit<PresetDeps, 'claimsOf' | 'onRefused'> {
  authenticator: Authenticator
  refusals: RefusalLog
  log: Logger
}

export interface GraphqlServer {
  /** Serves websockets at /graphql on this HTTP server; upgrades to other addresses are left to others. */
  attach(server: Server): void
  /** Closes the sockets that a payload of auth_revoked means. */
  revoke(payload: string): void
  close(): Promise<void>
}

/** POST /graphql, the websocket beside it, and Ruru at /graphiql. */
export async function installGraphql(app: Express, deps: GraphqlDeps): Promise<GraphqlServer> {
  const pgl = postgraphile(
    makePreset({
      ...deps,
      claimsOf: ({ expressv4, ws }) => {
        const request = expressv4?.req ?? ws?.request
        return request && factsOf(request as IncomingMessage).claims
      },
      onRefused: (error, claims) => deps.refusals.note(error, claims, { hasToken: claims.role !== 'app_anonymous' }),
    }),
  )
  const serv = pgl.createServ(grafserv)

  app.use('/graphql', (req, res, next) => {
    if (req.method !== 'POST') {
      res.setHeader('Allow', 'POST')
      throw new ServerError('METHOD_NOT_ALLOWED', 'Send documents by POST.')
    }
    if (!req.is('application/json')) throw new ServerError('UNSUPPORTED_MEDIA_TYPE')
    if (typeof req.body !== 'object' || req.body === null || Array.isArray(req.body)) {
      throw new ServerError('BAD_REQUEST', 'The body must be one JSON object with a `query`.')
    }
    res.setHeader('Cache-Control', 'no-store')
    next()
  })
  app.use(['/graphiql', '/ruru-static'], (_req, res, next) => {
    // Ruru starts with an inline script, evaluates in workers, and talks to this server only.
    res.setHeader(
      'Content-Security-Policy',
      "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; " +
        "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    )
    next()
  })
  await serv.addTo(app, null, false)
  await serv.ready()
  const sockets = makeSockets(makeGraphQLWSConfig(serv), deps)

  return {
    attach: sockets.attach,
    revoke: sockets.revoke,
    async close() {
      await sockets.close()
      await pgl.release()
    },
  }
}

type GraphqlWsConfig = ReturnType<typeof makeGraphQLWSConfig>

function makeSockets(config: GraphqlWsConfig, { authenticator, refusals, log, bodyMaxBytes }: GraphqlDeps) {
  const open = new Map<WebSocket, { request: IncomingMessage; check: () => Promise<void> }>()
  const wss = new WebSocketServer({ noServer: true, maxPayload: bodyMaxBytes })
  const attached = new Map<Server, (request: IncomingMessage, socket: Duplex, head: Buffer) => void>()

  const refuse = (socket: WebSocket, error: unknown) => {
    const known = mapDatabaseError(error)
    if (!known) log.error({ err: error }, 'internal error while authenticating a socket')
    const code =
      known?.httpStatus === 401 ? CLOSE.unauthorized : known && known.httpStatus < 500 ? CLOSE.forbidden : 1011
    socket.close(code, known?.code ?? 'INTERNAL')
  }

  const gql = useServer(
    {
      ...config,
      connectionInitWaitTimeout: 10_000,
      onSubscribe(context, id, payload) {
        if (Object.keys(context.subscriptions).length <= MAX_OPERATIONS)
          return config.onSubscribe!(context, id, payload)
        return [new GraphQLError('', { originalError: new ServerError('TOO_MANY_SUBSCRIPTIONS') })]
      },
      async onConnect({ connectionParams, extra: { socket, request } }) {
        const check = async () => {
          const { requestId } = factsOf(request)
          const claims = await authenticator.authenticate({
            ...presented(connectionParams),
            ...origin(request),
            requestId,
          })
          // A socket lives long: what is hidden from it, and its rank in a project, are found anew for each event.
          setFacts(request, { requestId, claims: { ...claims, hidden_project_ids: '', project_ranks: '' } })
        }
        try {
          await check()
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
        open.set(socket, { request, check })
        return true
      },
      onDisconnect({ extra: { socket } }) {
        open.delete(socket)
      },
      isProd: true,
    },
    wss,
  )

  const recheck = setInterval(() => {
    for (const [socket, { check }] of open) check().catch((error: unknown) => refuse(socket, error))
  }, RECHECK_MS)
  recheck.unref()

  return {
    attach(server: Server): void {
      const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url?.split('?', 1)[0] !== '/graphql') return
        setFacts(request, { requestId: requestIdOf(request.headers['x-request-id']?.toString()) })
        wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request))
      }
      attached.set(server, upgrade)
      server.on('upgrade', upgrade)
    },
    revoke(payload: string): void {
      for (const [socket, { request }] of open) {
        const claims: Claims | undefined = factsOf(request).claims
        if (claims && isRevoked(claims, payload)) socket.close(CLOSE.forbidden, 'REVOKED')
      }
    },
    async close(): Promise<void> {
      clearInterval(recheck)
      for (const [server, upgrade] of attached) server.off('upgrade', upgrade)
      for (const socket of wss.clients) {
        socket.close(CLOSE.goingAway, 'GOING_AWAY')
        setTimeout(() => socket.terminate(), 1000).unref()
      }
      await gql.dispose()
    },
  }
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
