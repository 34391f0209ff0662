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
  readonly config: AppDeps['config']
  readonly logLevel?: string
}

const { authenticatorUrl, keyring, poolSize, config, logLevel } = await options<ApiOptions>()
const app = await makeApp({
  config,
  authenticatorUrl,
  pool: createPool(authenticatorUrl, { name: 'freehold-bench-api', size: poolSize, keyring }),
  log: makeLogger({ level: logLevel ?? 'info' }),
})
serve(app.express)
