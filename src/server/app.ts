import type { Server } from 'node:http'
import express, { type Express } from 'express'
import type pg from 'pg'
import type { Config } from '../config.ts'
import type { Lag } from '../db/lag.ts'
import { makeListener } from '../db/listener.ts'
import { makeLiveUpdates } from '../graphql/liveUpdates.ts'
import type { Logger } from '../log.ts'
import { makeAuthenticator } from './authenticate.ts'
import { installAudit } from './install/audit.ts'
import { installAuthentication } from './install/authentication.ts'
import { installCors } from './install/cors.ts'
import { installErrors } from './install/errors.ts'
import { installGraphql, type GraphqlServer } from './install/graphql.ts'
import { installHealth } from './install/health.ts'
import { installJsonBody } from './install/jsonBody.ts'
import { installLogging } from './install/logging.ts'
import { installRequestId } from './install/requestId.ts'
import { installSecurityHeaders } from './install/securityHeaders.ts'
import { installWebhooks } from './install/webhooks.ts'
import { makeRefusalLog } from './refusals.ts'

export interface AppDeps {
  config: Pick<Config, 'cors' | 'introspection' | 'graphiql' | 'bodyMaxBytes' | 'webhookMaxBytes' | 'limits'> &
    Partial<Pick<Config, 'trustedProxies'>>
  /** Connections of freehold_authenticator; the caller ends it after `close`. */
  pool: pg.Pool
  /** The same role's few connections for what hashes a password (graphql/hashingLane.ts); the caller ends it too. Without it, `pool`. */
  hashingPool?: pg.Pool
  /** The same role's URL, for the one connection that listens. */
  authenticatorUrl: string
  log: Logger
  /** What is measured of the database's lag, for /readyz. */
  lag?: () => Lag
  /** Directory of `<hash>.graphql`; when given, nothing but these documents is run. */
  persistedDocuments?: string
  /** How long a webhook's body may take to come; 20 seconds unless told otherwise. */
  webhookBodyTimeoutMs?: number
}

export interface App {
  /** The request handler: `createServer(app.express)`. */
  readonly express: Express
  /** Serves websockets on this HTTP server too. */
  attach(server: Server): void
  /** Refuses new work, closes sockets and lets go of the listening connection. The pool is the caller's. */
  close(): Promise<void>
}

/** Everything one API process serves, in the order in which a request meets it. */
export async function makeApp(deps: AppDeps): Promise<App> {
  const { config, pool, log } = deps
  const app = express()
  app.set('trust proxy', config.trustedProxies ?? 0)
  const authenticator = makeAuthenticator({ pool, log })
  const refusals = makeRefusalLog({ pool, log })
  let graphql: GraphqlServer | undefined
  let isClosing = false
  const listener = await makeListener({
    connectionString: deps.authenticatorUrl,
    log,
    always: {
      auth_revoked(payload) {
        authenticator.revoke(payload)
        graphql?.revoke(payload)
      },
    },
    onChange: (isListening) => authenticator.setListening(isListening),
  })

  try {
    installRequestId(app)
    installLogging(app, log)
    installSecurityHeaders(app)
    installCors(app, config.cors)
    installHealth(app, {
      pool,
      log,
      isListening: () => listener.isListening,
      isClosing: () => isClosing,
      lag: deps.lag ?? (() => ({})),
    })
    // Before the JSON parser and authentication: they read the raw body, and what they present is a signature.
    installWebhooks(app, {
      pool,
      log,
      maxBytes: config.webhookMaxBytes,
      ...(deps.webhookBodyTimeoutMs !== undefined && { bodyTimeoutMs: deps.webhookBodyTimeoutMs }),
    })
    installAuthentication(app, authenticator)
    installJsonBody(app, config.bodyMaxBytes)
    installAudit(app, { pool, bodyMaxBytes: config.bodyMaxBytes })
    graphql = await installGraphql(app, {
      ...config,
      pool,
      log,
      authenticator,
      refusals,
      liveUpdates: makeLiveUpdates(listener),
      ...(deps.hashingPool !== undefined && { hashingPool: deps.hashingPool }),
      ...(deps.persistedDocuments !== undefined && { persistedDocuments: deps.persistedDocuments }),
    })
    installErrors(app, { log, refusals })
  } catch (error) {
    await listener.close()
    throw error
  }

  const served = graphql
  return {
    express: app,
    attach: served.attach,
    async close() {
      isClosing = true
      await served.close()
      await listener.close()
      await refusals.close()
    },
  }
}
