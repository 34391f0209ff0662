/** The API as `npm run start:api` serves it. */
import type { Keyring } from '../../src/config.ts'
import { createPool } from '../../src/db/pools.ts'
import { makeLogger } from '../../src/log.ts'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { makeApp, type AppDeps } from '../../src/server/app.ts'
import { makeHttpServer } from '../../src/server/httpServer.ts'
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
const server = makeHttpServer(app.express)
app.attach(server)
serve(server)

export interface LoopDelay {
  /** Milliseconds since the last time this was asked. */
  readonly p99: number
  readonly worst: number
  /** Of the process, in bytes. */
  readonly memory: number
}

// How late timers come that are due every millisecond; asked for by whoever measures it.
const delay = monitorEventLoopDelay({ resolution: 1 })
process.on('message', () => {
  const answer: LoopDelay = {
    p99: delay.percentile(99) / 1e6,
    worst: delay.max / 1e6,
    memory: process.memoryUsage.rss(),
  }
  delay.enable()
  delay.reset()
  process.send!(answer)
})
