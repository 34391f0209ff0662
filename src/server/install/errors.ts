import { randomUUID } from 'node:crypto'
import type { ErrorRequestHandler, Express } from 'express'
import { mapDatabaseError, ServerError, type PublicError } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { bearerToken } from '../authenticate.ts'
import type { RefusalLog } from '../refusals.ts'
import { clientAddress, factsOf, userAgent } from '../request.ts'

/** Media types of answers to GraphQL, the preferred first. */
export const RESPONSE_TYPES = ['application/graphql-response+json', 'application/json']

/** The last two of the chain: an address nobody serves is a 404 in JSON, and whatever was thrown leaves with a code. */
export function installErrors(app: Express, { log, refusals }: { log: Logger; refusals: RefusalLog }): void {
  app.use((req) => {
    throw new ServerError('NOT_FOUND', `Nothing is served at ${req.method} ${req.path}.`)
  })
  const answer: ErrorRequestHandler = (error: unknown, req, res, _next) => {
    let shown = mapDatabaseError(fromParser(error) ?? error)
    const { requestId, claims } = factsOf(req)
    // Claims are absent when it was authentication that refused.
    refusals.note(error, claims ?? { ip: clientAddress(req), user_agent: userAgent(req), request_id: requestId }, {
      hasToken: bearerToken(req.get('authorization')) !== null,
    })
    let errorId: string | undefined
    if (!shown) {
      errorId = randomUUID()
      log.error({ err: error, errorId }, 'internal error in a request')
      shown = mapDatabaseError(new ServerError('INTERNAL'))!
    }
    if (res.headersSent) return void res.end()
    if (shown.httpStatus === 401) res.setHeader('WWW-Authenticate', 'Bearer')
    if (req.path !== '/graphql') return void res.status(shown.httpStatus).json(restBody(shown, errorId))
    // With this type a client reads the code whatever the status is; with the older one it need not (GraphQL over HTTP, 6.4).
    const type = req.accepts(RESPONSE_TYPES) || 'application/json'
    res.status(shown.httpStatus).type(type).json(graphqlBody(shown, errorId))
  }
  app.use(answer)
}

function graphqlBody({ code, message, detail, hint }: PublicError, errorId?: string) {
  return {
    errors: [
      { message, extensions: { code, ...(detail && { detail }), ...(hint && { hint }), ...(errorId && { errorId }) } },
    ],
  }
}

function restBody({ code, message, detail, hint }: PublicError, errorId?: string) {
  return { error: { code, message, ...(detail && { detail }), ...(hint && { hint }), ...(errorId && { errorId }) } }
}

/** Errors of body-parser and Express, which name their kind in `type` or `status` (http-errors). */
function fromParser(error: unknown): ServerError | undefined {
  if (!(error instanceof Error) || error instanceof ServerError) return undefined
  const { type, status } = error as Error & { type?: string; status?: number }
  if (type === 'entity.too.large') return new ServerError('PAYLOAD_TOO_LARGE')
  if (type === 'entity.parse.failed') return new ServerError('INVALID_JSON')
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new ServerError('UNSUPPORTED_MEDIA_TYPE')
  return status !== undefined && status >= 400 && status < 500 ? new ServerError('BAD_REQUEST') : undefined
}
