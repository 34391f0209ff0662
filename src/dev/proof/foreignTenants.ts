import type pg from 'pg'
import { errorCode } from '../../errorCode.ts'
import type { World } from './fixture.ts'
import { claimsOf, type Caller } from './people.ts'
import type { Proof } from './prove.ts'

/** Asks for the other tenant at the door: claims are all that policies read, so this is where a stranger is turned away. */
export async function tryForeignTenants(authenticator: pg.Pool, { people, tenants, furniture }: World): Promise<Proof> {
  const proof: Proof = { cells: 0, breaches: [], missing: [] }
  const strangers: readonly (Caller & { readonly name: string })[] = [
    ...(['alice', 'bob', 'vera', 'bill', 'nobody'] as const).map((name) => ({
      name,
      token: people[name].token,
      tenant: 'evil',
    })),
    ...(['mallory', 'nobody'] as const).map((name) => ({ name, token: people[name].token, tenant: 'acme' })),
    ...Object.entries(furniture.acme.keys).map(([name, key]) => ({
      name: `key ${name} of acme`,
      token: key.token,
      tenant: 'evil',
    })),
    ...Object.entries(furniture.evil.keys).map(([name, key]) => ({
      name: `key ${name} of evil`,
      token: key.token,
      tenant: 'acme',
    })),
  ]
  for (const { name, token, tenant } of strangers) {
    for (const asked of [tenant!, tenants[tenant as 'acme' | 'evil'].id]) {
      proof.cells++
      const code = await claimsOf(authenticator, { token, tenant: asked }).then(() => undefined, errorCode)
      if (code !== 'FH403')
        proof.breaches.push(`authenticate for ${asked} as ${name}: ${code === undefined ? 'it gave claims' : code}`)
    }
  }
  return proof
}
