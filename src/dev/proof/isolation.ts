import { parseArgs } from 'node:util'
import { ROOT } from '../../deploy/database.ts'
import { withScratch, withScratchServer } from '../scratch.ts'
import { createPool } from '../../db/pools.ts'
import { buildWorld } from './fixture.ts'
import { runFileLaws } from './laws.ts'
import { prove, type Proof } from './prove.ts'
import { tryErasure } from './erasure.ts'
import { tryForeignTenants } from './foreignTenants.ts'
import type { DatabaseUrls } from '../../deploy/database.ts'
import type { Keyring } from '../../config.ts'

/** The key ring of the proof's own connections: what it encrypts lives as long as its database. */
const KEYRING: Keyring = { current: 'proof', keys: { proof: Buffer.alloc(32, 1).toString('base64') } }

/** Builds two tenants in an empty database and tries to get from one into the other. */
export async function proveIsolation(urls: DatabaseUrls, keyring = KEYRING): Promise<Proof> {
  if (urls.superuser === undefined) throw new Error('The proof must see past all policies: it needs a superuser.')
  const pool = (role: string, url: string) => createPool(url, { name: `freehold-proof-${role}`, size: 4, keyring })
  const pools = {
    superuser: pool('superuser', urls.superuser),
    owner: pool('owner', urls.owner),
    authenticator: pool('authenticator', urls.authenticator),
    worker: pool('worker', urls.worker),
  }
  try {
    await pools.owner.query('select app_private.ensure_partitions()')
    const world = await buildWorld(pools)
    const refusals = await tryForeignTenants(pools.authenticator, world)
    const client = await pools.superuser.connect()
    try {
      await client.query('begin')
      await client.query(`select set_config('app.keyring', app_private.wrap_keyring($1), true)`, [
        JSON.stringify(keyring),
      ])
      const erasure = await tryErasure(client, world)
      const proof = await prove(client, world)
      return {
        cells: proof.cells + refusals.cells + erasure.cells,
        breaches: [...proof.breaches, ...refusals.breaches, ...erasure.breaches],
        missing: [
          ...proof.missing,
          ...(await runFileLaws(client, ROOT)).map(({ offender, why, mend }) => `${offender}: ${why}; ${mend}`),
        ],
      }
    } finally {
      await client.query('rollback')
      client.release()
    }
  } finally {
    await Promise.all(Object.values(pools).map((each) => each.end()))
  }
}

if (import.meta.main) {
  const started = performance.now()
  const { values } = parseArgs({ options: { server: { type: 'string' } } })
  const { cells, breaches, missing } = await withScratchServer(
    (server) => withScratch(server, (urls) => proveIsolation(urls)),
    values.server,
  )
  for (const line of missing) console.error(`missing from the proof: ${line}`)
  for (const line of breaches) console.error(`breach: ${line}`)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${cells} trials in ${seconds} s: ${breaches.length} breaches, ${missing.length} missing.`)
  process.exitCode = breaches.length + missing.length > 0 ? 1 : 0
}
