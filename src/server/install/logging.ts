import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Express } from 'express'
import { pinoHttp } from 'pino-http'
import { withoutSecrets, type Logger } from '../../log.ts'
import { clientAddress, factsOf } from '../request.ts'

/** One line a request: who, what, how it ended and how long it took (milliseconds). Headers and query strings stay out of it. */
export function installLogging(app: Express, log: Logger): void {
  app.use(pinoHttp<IncomingMessage & { originalUrl?: string }, ServerResponse>({
    logger: log,
    genReqId: (req) => factsOf(req).requestId,
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId', responseTime: 'ms' },
    autoLogging: { ignore: (req) => req.url === '/healthz' || req.url === '/readyz' },
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'error' : 'info'),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customProps: (req) => {
      const { claims } = factsOf(req)
      return claims?.user_id ? { userId: claims.user_id, tenantId: claims.tenant_id } : {}
    },
    wrapSerializers: false,
    serializers: {
      req: (req: IncomingMessage & { originalUrl?: string }) => ({
        method: req.method,
        path: withoutSecrets((req.originalUrl ?? req.url ?? '').split('?', 1)[0]!),
        ip: clientAddress(req),
      }),
      res: (res: ServerResponse) => ({ status: res.statusCode }),
    },
  }))
}
