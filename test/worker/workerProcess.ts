/** A worker as a process of its own, to be killed. argv[2]: {workerUrl, config} in JSON; prints `ready`. */
import { createPool } from '../../src/db/pools.ts'
import { makeLogger } from '../../src/log.ts'
import { runWorker, type WorkerDeps } from '../../src/worker/run.ts'
import { TEST_KEYRING } from '../support/database.ts'

const { workerUrl, config } = JSON.parse(process.argv[2] ?? '') as { workerUrl: string; config: WorkerDeps['config'] }
const pool = createPool(workerUrl, { name: 'freehold-worker', size: 5, keyring: TEST_KEYRING })
const worker = await runWorker({ config, pool, logger: makeLogger({ level: 'warn' }), graceSeconds: 0 })
await worker.ready
console.log('ready')
