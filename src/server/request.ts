import type { IncomingMessage } from 'node:http'
import type { Claims } from '../db/withTenant.ts'

/** What the server found out about a request, for whoever handles it. */
export interface RequestFacts {
  requestId: string
  claims?: Claims
}

const facts = new WeakMap<IncomingMessage, RequestFacts>()

export function setFacts(request: IncomingMessage, values: RequestFacts): void {
  facts.set(request, values)
}

/** The facts of a request; every request has them from its first middleware on. */
export function factsOf(request: IncomingMessage): RequestFacts {
  const found = facts.get(request)
  if (!found) throw new Error('The request has not passed installRequestId')
  return found
}

/** The address of the client as PostgreSQL's inet reads it; null when it is unknown. */
export function clientAddress(request: IncomingMessage & { ip?: string | undefined }): string | null {
  return plainAddress(request.ip ?? request.socket.remoteAddress)
}

/** Without the zone, and an IPv4 address as one. */
export function plainAddress(address: string | undefined): string | null {
  return address?.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '') ?? null
}

/** The user agent, cut to what is worth keeping. */
export function userAgent(request: IncomingMessage): string | null {
  return request.headers['user-agent']?.slice(0, 500) ?? null
}

/**
 * The address of the client of an upgrade, which Express does not see: as many hops before the connection's as there are trusted
 * proxies, as far as X-Forwarded-For goes back.
 */
export function forwardedAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  const header = request.headers['x-forwarded-for']
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean)
    .reverse()
  return [request.socket.remoteAddress, ...hops][Math.min(trustedProxies, hops.length)]
}
