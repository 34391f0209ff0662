import { createHash } from 'node:crypto'
import type pg from 'pg'
import { call } from '../db/call.ts'
import type { Claims } from '../db/withTenant.ts'
import type { Logger } from '../log.ts'

/** Longest time an answer of the database is believed without asking again; revocations end it at once. */
const CACHE_MS = 5000
const CACHE_ENTRIES = 10_000

/** What a request or a socket presents. */
export interface Credentials {
  /** Session token or API key; null for nobody. */
  token: string | null
  /** Slug or id of the tenant to act in; null for the default one. */
  tenant: string | null
  /** Address of the client; null when it is unknown. */
  ip: string | null
  userAgent: string | null
  requestId: string
}

/** Claims, and when the session or key that they came of ends by itself: milliseconds since 1970. */
export type LastingClaims = Claims & { expires_at?: number | null }

/** What app_private.authenticate answers. */
type Answer = LastingClaims & { cacheable?: boolean }

export interface Authenticator {
  /** The claims of who presents these; rejects with the database's FH401, FH403 or FH429. */
  authenticate(credentials: Credentials): Promise<LastingClaims>
  /** Takes a payload of NOTIFY auth_revoked: what the cache knows of that session, key, person or tenant is dropped. */
  revoke(payload: string): void
  /** While false nothing is cached, since revocations would not be heard. */
  setListening(isListening: boolean): void
}

/**
 * Asks app_private.authenticate, and believes an answer that calls itself cacheable for five seconds. An answer that was on its way
 * when something was revoked is not kept.
 */
export function makeAuthenticator({ pool, log }: { pool: pg.Pool; log: Logger }): Authenticator {
  const cache = new Map<string, { claims: LastingClaims; until: number }>()
  let isListening = false
  let revocations = 0

  return {
    async authenticate({ token, tenant, ip, userAgent, requestId }) {
      const of = { ip: ip ?? '', user_agent: userAgent ?? '', request_id: requestId }
      // A digest, so that no token lies about in memory longer than its request. Nobody is nobody from everywhere.
      const key =
        token === null
          ? ''
          : createHash('sha256')
              .update(JSON.stringify([token, tenant, ip]))
              .digest('base64')
      const kept = cache.get(key)
      if (kept && kept.until > Date.now()) return { ...kept.claims, ...of }

      const revocationsBefore = revocations
      const given = { token, tenant, ip, user_agent: userAgent, request_id: requestId }
      const { cacheable, ...claims } = (await call(pool, 'app_private.authenticate', given, {
        isPrepared: true,
      })) as Answer
      if (cacheable === true && isListening && revocations === revocationsBefore) {
        cache.delete(key)
        cache.set(key, { claims, until: Math.min(Date.now() + CACHE_MS, claims.expires_at ?? Infinity) })
        if (cache.size > CACHE_ENTRIES) cache.delete(cache.keys().next().value!)
      }
      return { ...claims, ...of }
    },

    revoke(payload) {
      revocations++
      for (const [key, { claims }] of cache)
        if (isRevoked(claims, payload) || payload === `visibility:${claims.tenant_id}`) cache.delete(key)
      log.debug({ revoked: payload }, 'revocation')
    },

    setListening(value) {
      isListening = value
      revocations++
      if (!value) cache.clear()
    },
  }
}

/** Whether a payload of auth_revoked means the holder of these claims: a session's or key's id, `user:<id>` or `tenant:<id>`. */
export function isRevoked(claims: Claims, payload: string): boolean {
  const [kind, id] = payload.includes(':') ? (payload.split(':', 2) as [string, string]) : ['', payload]
  if (id === '') return false
  if (kind === 'user') return claims.user_id === id
  if (kind === 'tenant') return claims.tenant_id === id
  return claims.session_id === id || claims.api_key_id === id
}

/** The token of an `Authorization: Bearer` header, or null. */
export function bearerToken(header: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? null
}
