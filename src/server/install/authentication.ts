import type { Express } from 'express'
import { bearerToken, type Authenticator } from '../authenticate.ts'
import { clientAddress, factsOf, userAgent } from '../request.ts'

/** Resolves `Authorization: Bearer` and `X-Tenant` into the claims of the request, once, for everything installed after it. */
export function installAuthentication(app: Express, authenticator: Authenticator): void {
  app.use(async (req, _res, next) => {
    const facts = factsOf(req)
    facts.claims = await authenticator.authenticate({
      token: bearerToken(req.get('authorization')),
      tenant: req.get('x-tenant') ?? null,
      ip: clientAddress(req),
      userAgent: userAgent(req),
      requestId: facts.requestId,
    })
    next()
  })
}
