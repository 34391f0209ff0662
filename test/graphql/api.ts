import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { createClient, type Client } from 'graphql-ws'
import WebSocket from 'ws'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import { makeLogger } from '../../src/log.ts'
import { makeHttpServer } from '../../src/server/httpServer.ts'
import { makeApp, type App, type AppDeps } from '../../src/server/app.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople, type Person, type PersonName, type Settled, type Tenant } from '../support/people.ts'

export interface Answer<T = any> {
  status: number
  headers: Headers
  data?: T
  errors?: {
    message: string
    path?: (string | number)[]
    extensions: { code: string; errorId?: string; detail?: Record<string, unknown> }
  }[]
  error?: { code: string; message: string }
}

/** The API of one test file: a real server over a database of its own, with Acme's project `shop` and Evil Corp's `lair`. */
export interface Api {
  database: TestDatabase
  app: App
  url: string
  /** Everything that was logged, one object a line. */
  log: () => Record<string, unknown>[]
  ids: {
    tenants: Record<'acme' | 'evil', string>
    users: Record<PersonName, string>
    projects: Record<'shop' | 'lair', string>
    deployments: Record<'shop' | 'lair', string>
  }
  ask<T = any>(person: PersonName | null, query: string, variables?: Record<string, unknown>): Promise<Answer<T>>
  post(path: string, init: RequestInit): Promise<Answer>
  socket(person: PersonName | null, on?: Parameters<typeof createClient>[0]['on']): Client
  token(person: PersonName): string
  close(): Promise<void>
}

export async function startApi(
  options: Partial<Omit<AppDeps['config'], 'limits'>> & { limits?: Partial<Limits> } & Pick<
      AppDeps,
      'persistedDocuments' | 'lag' | 'webhookBodyTimeoutMs'
    > = {},
): Promise<Api> {
  const database = await testDatabase()
  const settled = await namedPeople(database)
  const ids = await populate(database, settled)
  const token = (person: PersonName) => settled.people[person].token
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const { persistedDocuments, lag, webhookBodyTimeoutMs, limits, ...config } = options
  const app = await makeApp({
    config: {
      cors: false,
      introspection: true,
      graphiql: true,
      bodyMaxBytes: 1_048_576,
      webhookMaxBytes: 26_214_400,
      ...config,
      limits: { ...DEFAULT_LIMITS, planningPerMinute: 1_000_000, ...limits },
    },
    pool: database.authenticator,
    authenticatorUrl: database.urls.authenticator,
    log: makeLogger({ level: 'debug', destination }),
    ...(persistedDocuments !== undefined && { persistedDocuments }),
    ...(lag !== undefined && { lag }),
    ...(webhookBodyTimeoutMs !== undefined && { webhookBodyTimeoutMs }),
  })
  const server: Server = makeHttpServer(app.express)
  app.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const clients: Client[] = []

  const post = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    const body: unknown = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : { text }
    return { ...(body as object), status: response.status, headers: response.headers }
  }
  return {
    database,
    app,
    url,
    ids,
    post,
    token,
    log: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    ask: (person, query, variables = {}) =>
      post('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(person && { authorization: `Bearer ${token(person)}` }) },
        body: JSON.stringify({ query, variables }),
      }),
    socket(person, on) {
      const client = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        ...(person && { connectionParams: { authorization: `Bearer ${token(person)}` } }),
        ...(on && { on }),
      })
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) await client.dispose()
      await app.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await database.close()
    },
  }
}

/** Acme's project `shop` and Evil Corp's `lair`, each with a pending deployment. */
async function populate({ superuser }: TestDatabase, { people, tenants }: Settled): Promise<Api['ids']> {
  const furnish = async (slug: string, { id: tenant }: Tenant, { id: owner }: Person) => {
    const { rows } = await superuser.query<{ id: string }>(
      `insert into app_public.projects (tenant_id, owner_id, name, slug, visibility) values ($1, $2, $3::text, $3::text, 'team') returning id`,
      [tenant, owner, slug],
    )
    const project = rows[0]!.id
    return { project, deployment: await addDeployment(superuser, tenant, project) }
  }
  const shop = await furnish('shop', tenants.acme, people.alice)
  const lair = await furnish('lair', tenants.evil, people.mallory)
  return {
    tenants: { acme: tenants.acme.id, evil: tenants.evil.id },
    users: Object.fromEntries(Object.entries(people).map(([name, { id }]) => [name, id])) as Api['ids']['users'],
    projects: { shop: shop.project, lair: lair.project },
    deployments: { shop: shop.deployment, lair: lair.deployment },
  }
}

/** A pending deployment to the project's first environment, made when it has none. */
export async function addDeployment(
  superuser: TestDatabase['superuser'],
  tenant: string,
  project: string,
): Promise<string> {
  await superuser.query(
    `insert into app_public.project_environments (tenant_id, project_id, name, type)
     select $1, $2, 'production', 'production'
      where not exists (select from app_public.project_environments where tenant_id = $1 and project_id = $2)`,
    [tenant, project],
  )
  const { rows } = await superuser.query<{ id: string }>(
    `insert into app_public.deployments (tenant_id, project_id, environment_id, environment, commit_sha)
     select tenant_id, project_id, id, type, 'abcdef1' from app_public.project_environments
      where tenant_id = $1 and project_id = $2 order by id limit 1 returning id`,
    [tenant, project],
  )
  return rows[0]!.id
}
