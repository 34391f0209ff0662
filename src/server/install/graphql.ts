import type { IncomingMessage, Server } from 'node:http'
import type { Express } from 'express'
import { postgraphile } from 'postgraphile'
import { makeGraphQLWSConfig } from 'postgraphile/grafserv'
import { grafserv } from 'postgraphile/grafserv/express/v4'
import { ServerError } from '../../errors.ts'
import { makePreset, type PresetDeps } from '../../graphql/preset.ts'
import type { Logger } from '../../log.ts'
import type { Authenticator } from '../authenticate.ts'
import type { RefusalLog } from '../refusals.ts'
import { factsOf } from '../request.ts'
import { makeSockets } from '../sockets.ts'
import { RESPONSE_TYPES } from './errors.ts'

export interface GraphqlDeps extends Omit<PresetDeps, 'claimsOf' | 'onRefused'> {
  authenticator: Authenticator
  refusals: RefusalLog
  log: Logger
  /** Proxies in front of us whose X-Forwarded-For is believed. */
  trustedProxies?: number
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
    if (!req.accepts(RESPONSE_TYPES)) throw new ServerError('NOT_ACCEPTABLE')
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
  // Makes the gate, so that it stands before the first request.
  await serv.getExecutionConfig({})
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
