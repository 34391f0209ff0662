import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, type Config } from '../../src/config.ts'
import { openDatabase, openServer, prepareDatabase, ROOT, roleUrls, withDatabase } from '../../src/deploy/database.ts'
import { explainServer } from '../../src/deploy/inspectServer.ts'
import { withClient } from '../../src/db/withClient.ts'
import { testCluster, testDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let dataDir: string
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'freehold-database-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const configOf = (env: Record<string, string>): Config => loadConfig({ DATA_DIR: dataDir, ...env })

/** The refusal's lines. */
async function mistakesOf(env: Record<string, string>): Promise<readonly string[]> {
  const error: unknown = await openServer(configOf(env)).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ name: 'ConfigurationError' })
  return (error as { mistakes: readonly string[] }).mistakes
}

const login = (change: (url: URL) => void): string => {
  const url = new URL(database.urls.superuser)
  change(url)
  return url.href
}

test('nobody listens there', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  expect(await mistakesOf({ DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/x` })).toEqual([
    `DATABASE_URL: nothing listens on 127.0.0.1:${port}: start PostgreSQL there, or correct host and port.`,
  ])
})

test('a wrong password, a missing database, a user who is neither', async () => {
  const { host } = new URL(database.urls.superuser)
  expect(await mistakesOf({ DATABASE_URL: login((url) => (url.password = 'wrong')) })).toEqual([
    `DATABASE_URL: ${host} refuses the password of postgres: correct it.`,
  ])
  expect(await mistakesOf({ DATABASE_URL: login((url) => (url.pathname = '/nowhere')) })).toEqual([
    `DATABASE_URL: ${host} has no database nowhere: create it, or correct the name.`,
  ])
  expect(await mistakesOf({ DATABASE_URL: database.urls.worker })).toEqual([
    'DATABASE_URL logs in as freehold_worker, which is neither a superuser nor freehold_owner: give one of these.',
  ])
})

test('the owner cannot make roles, so both other URLs are asked for', async () => {
  expect(await mistakesOf({ DATABASE_URL: database.urls.owner })).toEqual([
    'DATABASE_AUTHENTICATOR_URL is missing: freehold_owner cannot create roles. Have a superuser run sql/bootstrap/roles.sql and set it.',
    'DATABASE_WORKER_URL is missing: freehold_owner cannot create roles. Have a superuser run sql/bootstrap/roles.sql and set it.',
  ])
})

test('role URLs are tried, and each mistake is told', async () => {
  const { host } = new URL(database.urls.superuser)
  const wrong = new URL(database.urls.worker)
  wrong.password = 'wrong'
  expect(
    await mistakesOf({
      DATABASE_URL: database.urls.owner,
      DATABASE_AUTHENTICATOR_URL: database.urls.owner,
      DATABASE_WORKER_URL: wrong.href,
    }),
  ).toEqual([
    'DATABASE_AUTHENTICATOR_URL logs in as freehold_owner: it must be freehold_authenticator.',
    `DATABASE_WORKER_URL: ${host} refuses the password of freehold_worker: correct it.`,
  ])
})

test('an old server is refused by its version', () => {
  const facts = { version: 170004, user: 'postgres', isSuperuser: true, database: 'x' }
  expect(explainServer('DATABASE_URL', facts)).toEqual(['DATABASE_URL is PostgreSQL 17: Freehold needs 18 or newer.'])
  expect(explainServer('DATABASE_URL', { ...facts, version: 180000 })).toEqual([])
})

test('the owner with both role URLs opens a database that is there', async () => {
  const opened = await openDatabase(
    configOf({
      DATABASE_URL: database.urls.owner,
      DATABASE_AUTHENTICATOR_URL: database.urls.authenticator,
      DATABASE_WORKER_URL: database.urls.worker,
    }),
  )
  expect(opened.urls).toEqual({
    owner: database.urls.owner,
    authenticator: database.urls.authenticator,
    worker: database.urls.worker,
  })
  await opened.close()
})

describe('from empty', () => {
  const name = `test_empty_${process.pid}`
  const { url, secret } = testCluster()
  const urls = roleUrls(withDatabase(url, name), secret)
  const server = { urls, secret, mayCreate: true }
  afterEach(() => withClient(url, (client) => client.query(`drop database if exists ${name} with (force)`)))

  test('two at once build it together, and a third finds nothing to do', async () => {
    const both = await Promise.all([prepareDatabase(server), prepareDatabase(server)])
    const files = readdirSync(join(ROOT, 'migrations/committed')).filter((file) => file.endsWith('.sql'))
    expect(both.map(({ migrated }) => migrated.length).sort()).toEqual([0, files.length])
    expect(await prepareDatabase(server)).toEqual({ migrated: [], applied: [], removed: [], dropped: [], strays: [] })

    const { rows } = await withClient(urls.superuser, (client) =>
      client.query(
        `select nspowner::regrole::text as owner, has_database_privilege('freehold_worker', current_database(), 'create') as may_create
       from pg_namespace where nspname = 'graphile_worker'`,
      ),
    )
    expect(rows).toEqual([{ owner: 'freehold_worker', may_create: false }])
  })

  test('what a superuser has to do first is said before the first migration', async () => {
    for (const room of ['functions', 'policies', 'sql', 'migrations'])
      cpSync(join(ROOT, room), join(dataDir, room), { recursive: true })
    await withClient(url, (client) => client.query(`create database ${name} owner freehold_owner template template0`))
    const roles = join(dataDir, 'sql/bootstrap/roles.sql')
    const text = readFileSync(roles, 'utf8')
    writeFileSync(roles, text.replace("'app_operator'", "'app_operator', 'app_of_next_year'"))
    const { superuser: _, ...owned } = urls
    const given = { urls: owned, secret: undefined, mayCreate: false }
    const refused: unknown = await prepareDatabase(given, { root: dataDir }).catch((cause: unknown) => cause)
    expect(refused).toMatchObject({ name: 'ConfigurationError' })
    expect(String(refused)).toContain('The server lacks app_of_next_year; nothing was changed')
    const { rows } = await withClient(urls.superuser, (client) =>
      client.query('select nspname from pg_namespace where nspname ~ $1', ['^(app|graphile)_']),
    )
    expect(rows).toEqual([])
  })

  test('by hand, as the head of the file says', async () => {
    await withClient(url, (client) => client.query(`create database ${name} template template0`))
    const byHand = new URL(urls.superuser)
    const options = [
      `-c bootstrap.database=${name}`,
      ...(['owner', 'authenticator', 'worker'] as const).map(
        (role) => `-c bootstrap.${role}_password=${new URL(urls[role]).password}`,
      ),
    ]
    byHand.searchParams.set('options', options.join(' '))
    const owner = await withClient(byHand.href, async (client) => {
      await client.query(`begin; ${readFileSync(join(ROOT, 'sql/bootstrap/roles.sql'), 'utf8')}; commit`)
      const { rows } = await client.query(
        'select datdba::regrole::text as owner from pg_database where datname = current_database()',
      )
      return rows
    })
    expect(owner).toEqual([{ owner: 'freehold_owner' }])
  })

  test('history that was edited, exchanged or lost is refused', async () => {
    await prepareDatabase(server)
    for (const room of ['functions', 'policies', 'sql', 'migrations'])
      cpSync(join(ROOT, room), join(dataDir, room), { recursive: true })
    const committed = join(dataDir, 'migrations/committed')
    const [first = ''] = readdirSync(committed).sort()
    const text = readFileSync(join(committed, first), 'utf8')
    chmodSync(join(committed, first), 0o644)

    writeFileSync(join(committed, first), `${text}-- edited\n`)
    await expect(prepareDatabase(server, { root: dataDir })).rejects.toThrow(
      `${first} was edited after it was committed`,
    )
    writeFileSync(join(committed, first), text)
    expect((await prepareDatabase(server, { root: dataDir })).migrated).toEqual([])
    rmSync(join(committed, first))
    await expect(prepareDatabase(server, { root: dataDir })).rejects.toThrow('its file is missing')
  })
})
