import type { Claims } from '../../db/withTenant.ts'
import { networkOf } from './networkOf.ts'

/** Who counts as one: a person with all their sessions and keys, or, without a sign-in, an address. */
export interface Caller {
  readonly id: string
  readonly isAnonymous: boolean
}

/** A caller with one request, which they may not wait for. */
export interface Asker extends Caller {
  readonly isGone: () => boolean
}

export function callerOf(claims: Claims | undefined): Caller {
  return claims?.user_id
    ? { id: `user ${claims.user_id}`, isAnonymous: claims.role !== 'app_user' }
    : { id: `address ${networkOf(claims?.ip ?? null)}`, isAnonymous: true }
}
