/** The same answer as a person would write it who needs only this one: Express, pg, one statement, the same claims. */
import express from 'express'
import type { Keyring } from '../../src/config.ts'
import { createPool } from '../../src/db/pools.ts'
import { CLAIM_NAMES } from '../../src/db/withTenant.ts'
import { makeLogger } from '../../src/log.ts'
import { makeAuthenticator } from '../../src/server/authenticate.ts'
import { installAuthentication } from '../../src/server/install/authentication.ts'
import { installLogging } from '../../src/server/install/logging.ts'
import { installRequestId } from '../../src/server/install/requestId.ts'
import { factsOf } from '../../src/server/request.ts'
import { options, serve } from './serve.ts'

export interface HandWrittenOptions {
  readonly authenticatorUrl: string
  readonly keyring: Keyring
  readonly poolSize: number
  /** Takes the id of a project as $1 and yields one row with one json column. */
  readonly sql: string
  /** Whether a line is logged for each request, as the API does. */
  readonly isLogged: boolean
  /** Whether the JSON leaves as PostgreSQL wrote it, without being parsed and written again. */
  readonly isRaw: boolean
}

const { authenticatorUrl, keyring, poolSize, sql, isLogged, isRaw } = await options<HandWrittenOptions>()
const log = makeLogger()
const pool = createPool(authenticatorUrl, { name: 'freehold-bench-hand', size: poolSize, keyring })
const authenticator = makeAuthenticator({ pool, log })
// Nothing is revoked here, so the cache may be used without anybody listening.
authenticator.setListening(true)

const settings = [...CLAIM_NAMES.map((name) => `app.${name}`), 'role']
const setClaims = `select ${settings.map((name, index) => `set_config('${name}', $${index + 1}, true)`).join(', ')}`

const app = express()
app.disable('x-powered-by')
installRequestId(app)
if (isLogged) installLogging(app, log)
app.use(express.json())
installAuthentication(app, authenticator)
app.post('/project', async (req, res) => {
  const claims = factsOf(req).claims!
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query({
      name: 'claims',
      text: setClaims,
      values: [...CLAIM_NAMES.map((name) => claims[name] ?? ''), claims.role],
    })
    const { rows } = await client.query<{ data: object | string }>({
      name: 'project',
      text: isRaw ? `select data::text from (${sql}) s` : sql,
      values: [(req.body as { id: string }).id],
    })
    await client.query('commit')
    if (isRaw) res.type('json').send(`{"data":{"project":${(rows[0]?.data as string | undefined) ?? 'null'}}}`)
    else res.json({ data: { project: rows[0]?.data ?? null } })
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
})
serve(app)
