/** The API as `npm run start:api` serves it. */
import type { Keyring } from '../../src/config.ts'
import { createPool } from '../../src/db/pools.ts'
import { makeLogger } from '../../src/log.ts'
import { makeApp, type AppDeps } from '../../src/server/app.ts'
import { options, serve } from './serve.ts'

export interface ApiOptions {
  readonly authenticatorUrl: string
  readonly keyring: Keyring
  readonly poolSize: number
  /** Connections for what hashes; left out, it has those of the pool. */
  readonly hashingConnections?: number
  readonly config: AppDeps['config']
  readonly logLevel?: string
}

const { authenticatorUrl, keyring, poolSize, hashingConnections, config, logLevel } = await options<ApiOptions>()
const app = await makeApp({
  config,
  authenticatorUrl,
  pool: createPool(authenticatorUrl, { name: 'freehold-bench-api', size: poolSize, keyring }),
  ...(hashingConnections !== undefined && {
    hashingPool: createPool(authenticatorUrl, { name: 'freehold-bench-hashing', size: hashingConnections, keyring }),
  }),
  log: makeLogger({ level: logLevel ?? 'info' }),
})
serve(app.express)
