import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigurationError, explainListenError, loadConfig, type Config } from './config.ts'
import { BrokenLawError } from './deploy/apply.ts'
import { openDatabase, type Database } from './deploy/database.ts'
import { TamperedHistoryError } from './deploy/migrate.ts'
import { watchLag } from './db/lag.ts'
import { createPool } from './db/pools.ts'
import { SourceError } from './deploy/sources.ts'
import { makeLogger, type Logger } from './log.ts'
import { createShutdown, type Shutdown } from './shutdown.ts'

const shutdown = createShutdown({ log: (line, error) => console.error(line, ...(error === undefined ? [] : [error])) })
shutdown.onSignals()

try {
  await start(loadConfig(process.env, process.argv.slice(2)))
} catch (error) {
  console.error(explain(error))
  await shutdown.run('it could not start')
  process.exit(1)
}

/** Opens what the mode needs, in the order in which it is closed backwards, and says so when all of it is ready. */
async function start(config: Config): Promise<void> {
  const startedAt = performance.now()
  const log = makeLogger({ level: config.logLevel })
  const database = await openDatabase(config, { log: (line) => log.info(line) })
  shutdown.add('the database', database.close)

  const url = config.mode === 'worker' ? undefined : await startApi(config, database, log, shutdown)
  if (config.mode !== 'api') await startWorker(config, database, log, shutdown)

  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const what = url === undefined ? 'The worker is ready' : `Freehold is ready at ${url}/graphql`
  console.log(`${what}${url !== undefined && config.graphiql ? `, GraphiQL at ${url}/graphiql` : ''} (${seconds} s)`)
}

/** Serves HTTP and websockets; returns the address without a path. */
async function startApi(config: Config, database: Database, log: Logger, closing: Shutdown): Promise<string> {
  // Imported here, so that a worker alone does not load the API.
  const { makeApp } = await import('./server/app.ts')
  const { makeHttpServer } = await import('./server/httpServer.ts')
  const pool = createPool(database.urls.authenticator, { ...poolOptions(config, log), name: 'freehold-api' })
  closing.add('the connections of the API', () => pool.end())
  const hashingPool = createPool(database.urls.authenticator, {
    ...poolOptions(config, log),
    name: 'freehold-hashing',
    size: config.hashingConnections,
  })
  closing.add('the connections that hash passwords', () => hashingPool.end())
  const lag = watchLag({ pool, log })
  closing.add('the watch over lag', lag.stop)
  const app = await makeApp({
    config,
    pool,
    hashingPool,
    log,
    authenticatorUrl: database.urls.authenticator,
    lag: () => lag.current,
    ...(config.persistedDocuments !== undefined && { persistedDocuments: config.persistedDocuments }),
  })
  const server = makeHttpServer(app.express, { trustedProxies: config.trustedProxies })
  app.attach(server)
  closing.add('the API', async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    await app.close()
    await closed
  })
  await listen(server, config)
  const { port } = server.address() as AddressInfo
  return `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
}

async function listen(server: Server, { host, port }: Config): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw explainListenError(error, host, port) ?? error
  }
}

async function startWorker(config: Config, database: Database, log: Logger, closing: Shutdown): Promise<void> {
  const { runWorker } = await import('./worker/run.ts')
  const pool = createPool(database.urls.worker, { ...poolOptions(config, log), name: 'freehold-worker' })
  closing.add('the connections of the worker', () => pool.end())
  // One a process.
  if (config.mode === 'worker') closing.add('the watch over lag', watchLag({ pool, log }).stop)
  const worker = await runWorker({ config, pool, logger: log })
  closing.add('the worker', worker.stop)
  await worker.ready
}

function poolOptions(config: Config, log: Logger) {
  return {
    size: config.poolSize,
    keyring: config.secretKeys,
    statementTimeoutMs: config.statementTimeoutMs,
    idleInTransactionTimeoutMs: config.idleInTransactionTimeoutMs,
    onError: (error: Error) => log.warn({ err: error }, 'an idle connection was lost'),
  }
}

/** The operator's mistakes in plain words; anything else with its stack, since it is ours. */
function explain(error: unknown): unknown {
  const isPlain = [ConfigurationError, BrokenLawError, SourceError, TamperedHistoryError].some(
    (kind) => error instanceof kind,
  )
  return isPlain && error instanceof Error ? error.message : error
}
