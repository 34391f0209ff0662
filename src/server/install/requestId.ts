import { randomUUID } from 'node:crypto'
import type { Express } from 'express'
import { setFacts } from '../request.ts'

/** X-Request-Id: taken from the client when it is a plain word, made otherwise; sent back, logged, and put into the claims. */
export function installRequestId(app: Express): void {
  app.use((req, res, next) => {
    const requestId = requestIdOf(req.get('x-request-id'))
    setFacts(req, { requestId })
    res.setHeader('X-Request-Id', requestId)
    next()
  })
}

export function requestIdOf(header: string | undefined): string {
  return header !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(header) ? header : randomUUID()
}
