import type { Express } from 'express'
import { withoutSecrets, type Logger } from '../../log.ts'
import { clientAddress, factsOf } from '../request.ts'

/**
 * One line a request: who, what, how it ended and how long it took (milliseconds). Headers and query strings stay out of it.
 * (pino-http makes up to five child loggers a request, which cost a tenth of the processor time of a GraphQL query, database included.)
 */
export function installLogging(app: Express, log: Logger): void {
  app.use((req, res, next) => {
    if (req.url === '/healthz' || req.url === '/readyz') return next()
    const startedAt = performance.now()
    // Comes after the last byte, and also when the client went away before it.
    res.once('close', () => {
      const { requestId, claims } = factsOf(req)
      log[res.statusCode >= 500 ? 'error' : 'info'](
        {
          requestId,
          ...(claims?.user_id && { userId: claims.user_id, tenantId: claims.tenant_id }),
          req: { method: req.method, path: withoutSecrets(req.originalUrl.split('?', 1)[0]!), ip: clientAddress(req) },
          res: { status: res.statusCode },
          ms: Math.round(performance.now() - startedAt),
        },
        'request',
      )
    })
    next()
  })
}
