import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { createClient, type Client } from 'graphql-ws'
import WebSocket from 'ws'
import { makeLogger } from '../../src/log.ts'
import { makeApp, type App, type AppDeps } from '../../src/server/app.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'

/** Who there is: alice owns Acme, bob develops there, vera views, mallory owns Evil Corp, nobody has no tenant. */
export const PEOPLE = ['alice', 'bob', 'vera', 'mallory', 'nobody'] as const
export type Person = (typeof PEOPLE)[number]

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
    users: Record<Person, string>
    projects: Record<'shop' | 'lair', string>
    deployments: Record<'shop' | 'lair', string>
  }
  ask<T = any>(person: Person | null, query: string, variables?: Record<string, unknown>): Promise<Answer<T>>
  post(path: string, init: RequestInit): Promise<Answer>
  socket(person: Person | null, on?: Parameters<typeof createClient>[0]['on']): Client
  token(person: Person): string
  close(): Promise<void>
}

const LIMITS = { maxDepth: 12, maxCost: 20_000, maxSelections: 1000, defaultPage: 50, maxPage: 100 }

export async function startApi(
  options: Partial<AppDeps['config']> & Pick<AppDeps, 'persistedDocuments'> = {},
): Promise<Api> {
  const database = await testDatabase()
  const ids = await populate(database)
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const { persistedDocuments, ...config } = options
  const app = await makeApp({
    config: {
      cors: false,
      introspection: true,
      graphiql: true,
      bodyMaxBytes: 1_048_576,
      webhookMaxBytes: 26_214_400,
      limits: LIMITS,
      ...config,
    },
    pool: database.authenticator,
    authenticatorUrl: database.urls.authenticator,
    log: makeLogger({ level: 'debug', destination }),
    ...(persistedDocuments !== undefined && { persistedDocuments }),
  })
  const server: Server = createServer(app.express)
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

const token = (person: Person): string => `fh_sess_${person.padEnd(32, '0')}`

/** Rows are put there by the superuser, so that these tests stand on the API and not on the functions that make tenants. */
async function populate({ superuser }: TestDatabase): Promise<Api['ids']> {
  const one = async (text: string, values: unknown[]): Promise<string> =>
    (await superuser.query<{ id: string }>(`${text} returning id`, values)).rows[0]!.id
  await superuser.query(`
    do $$ declare v_table text; begin
      for v_table in select relname from pg_class where relkind = 'p' and relnamespace = 'app_public'::regnamespace
        and not exists (select from pg_inherits where inhparent = pg_class.oid) loop
        execute format('create table partitions.%I partition of app_public.%I default', v_table || '_default', v_table);
      end loop;
    end $$`)
  const ids = { tenants: {}, users: {}, projects: {}, deployments: {} } as Api['ids']
  for (const person of PEOPLE) {
    const user = (ids.users[person] = await one(
      'insert into app_public.users (email, username, name) values ($1, $2, $3)',
      [`${person}@example.test`, person, person],
    ))
    await superuser.query('insert into app_public.user_settings (user_id) values ($1)', [user])
    const session = await one(
      `insert into app_public.sessions (user_id, expires_at) values ($1, now() + interval '1 day')`,
      [user],
    )
    await superuser.query(
      'insert into app_private.session_tokens (token_hash, session_id) values (app_private.hash_token($1), $2)',
      [token(person), session],
    )
  }
  const members = { acme: { alice: 'owner', bob: 'developer', vera: 'viewer' }, evil: { mallory: 'owner' } } as const
  for (const slug of ['acme', 'evil'] as const) {
    const tenant = (ids.tenants[slug] = await one('insert into app_public.tenants (name, slug) values ($1, $2)', [
      slug,
      slug,
    ]))
    for (const [person, role] of Object.entries(members[slug])) {
      await superuser.query(
        `insert into app_public.tenant_members (tenant_id, user_id, role, invitation_status, joined_at) values ($1, $2, $3, 'joined', now())`,
        [tenant, ids.users[person as Person], role],
      )
      await superuser.query('update app_public.user_settings set default_tenant_id = $1 where user_id = $2', [
        tenant,
        ids.users[person as Person],
      ])
    }
    const name = slug === 'acme' ? 'shop' : 'lair'
    ids.projects[name] = await one(
      `insert into app_public.projects (tenant_id, owner_id, name, slug, visibility) values ($1, $2, $3, $4, 'team')`,
      [tenant, ids.users[slug === 'acme' ? 'alice' : 'mallory'], name, name],
    )
    ids.deployments[name] = await addDeployment(superuser, tenant, ids.projects[name])
  }
  return ids
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
