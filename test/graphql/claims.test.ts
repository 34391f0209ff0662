import { jest } from '@jest/globals'
import pg from 'pg'
import { claimedQuery } from '../../src/graphql/claimedQuery.ts'
import { startApi, type Api } from './api.ts'
import { until } from '../support/until.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const WHO = `select current_user as "user", current_setting('app.tenant_id', true) as tenant`
const asUser = (tenant: string) =>
  [
    ['app.tenant_id', tenant],
    ['role', 'app_user'],
  ] as const

/** A statement that waits for whoever holds the lock, and how to hold it. */
const WAIT = 'select pg_advisory_xact_lock(1)'
async function holdLock(): Promise<{ release(): Promise<void> }> {
  const holder = await api.database.superuser.connect()
  await holder.query('select pg_advisory_lock(1)')
  return {
    async release() {
      await holder.query('select pg_advisory_unlock(1)')
      holder.release()
    },
  }
}

describe('a claimed query', () => {
  let pool: pg.Pool
  beforeEach(() => {
    pool = new pg.Pool({ connectionString: api.database.urls.authenticator, max: 1 })
  })
  afterEach(() => pool.end())
  const ask = (tenant: string, text: string, values: unknown[] = [], name?: string) =>
    claimedQuery<any>(pool, asUser(tenant), { text, values, ...(name !== undefined && { name }) })

  test('runs under its claims, which are gone after it', async () => {
    expect((await ask('a', WHO, [], 'who')).rows).toEqual([{ user: 'app_user', tenant: 'a' }])
    expect((await pool.query(WHO)).rows).toEqual([{ user: 'freehold_authenticator', tenant: '' }])
    expect((await ask('b', WHO, [], 'who')).rows).toEqual([{ user: 'app_user', tenant: 'b' }])
  })

  test('is a transaction: an error undoes what its statement did, and the connection is good', async () => {
    await api.database.owner.query(
      'create table if not exists app_public.scribble (n int); grant insert, select on app_public.scribble to app_user',
    )
    await expect(
      ask('a', 'with w as (insert into app_public.scribble values (1) returning n) select n / 0 from w'),
    ).rejects.toMatchObject({ code: '22012' })
    expect((await ask('a', 'select count(*)::int as n from app_public.scribble')).rows).toEqual([{ n: 0 }])
    await ask('a', 'insert into app_public.scribble values (2)')
    expect((await ask('a', 'select count(*)::int as n from app_public.scribble')).rows).toEqual([{ n: 1 }])
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('a prepared statement works again after it failed at parse, at bind and at run', async () => {
    const {
      rows: [before],
    } = await pool.query('select pg_backend_pid() as pid')
    const run = (value: unknown) => ask('a', 'select 10 / $1::int as n', [value], 'tenth')
    await expect(run('x')).rejects.toMatchObject({ code: '22P02' })
    expect((await run(5)).rows).toEqual([{ n: 2 }])
    await expect(run(0)).rejects.toMatchObject({ code: '22012' })
    expect((await run(2)).rows).toEqual([{ n: 5 }])
    const missing = () => ask('a', 'select n from app_public.comes_later', [], 'later')
    await expect(missing()).rejects.toMatchObject({ code: '42P01' })
    await api.database.owner.query(
      'create table app_public.comes_later as select 7 as n; grant select on app_public.comes_later to app_user',
    )
    expect((await missing()).rows).toEqual([{ n: 7 }])
    expect((await missing()).rows).toEqual([{ n: 7 }])
    expect((await pool.query('select pg_backend_pid() as pid')).rows).toEqual([before])
  })

  test('more statements than are kept do not fill the connection', async () => {
    for (let n = 0; n < 260; n++) expect((await ask('a', `select ${n} as n`, [], `s${n}`)).rows).toEqual([{ n }])
    expect((await ask('a', 'select 0 as n', [], 's0')).rows).toEqual([{ n: 0 }])
    const {
      rows: [row],
    } = await pool.query('select count(*)::int as n from pg_prepared_statements')
    expect(row.n).toBeLessThanOrEqual(200)
    expect(row.n).toBeGreaterThan(100)
  })

  test('a canceled statement leaves the connection good', async () => {
    const {
      rows: [{ pid }],
    } = await pool.query('select pg_backend_pid() as pid')
    const held = await holdLock()
    const waiting = ask('a', WAIT)
    await until(
      async () =>
        (
          await api.database.superuser.query(
            `select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`,
            [pid],
          )
        ).rowCount === 1,
    )
    await expect(waiting).rejects.toMatchObject({ code: '57014' })
    await held.release()
    expect((await ask('b', WHO)).rows).toEqual([{ user: 'app_user', tenant: 'b' }])
    expect((await pool.query('select pg_backend_pid() as pid')).rows).toEqual([{ pid }])
  })

  test('a lost connection is thrown away and the next query gets a new one', async () => {
    const {
      rows: [{ pid }],
    } = await pool.query('select pg_backend_pid() as pid')
    const held = await holdLock()
    const waiting = ask('a', WAIT)
    const settled = expect(waiting).rejects.toThrow(/terminat/i)
    await until(
      async () =>
        (
          await api.database.superuser.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`,
            [pid],
          )
        ).rowCount === 1,
    )
    await settled
    await held.release()
    expect((await ask('b', WHO)).rows).toEqual([{ user: 'app_user', tenant: 'b' }])
    expect((await pool.query('select pg_backend_pid() as pid')).rows).not.toEqual([{ pid }])
  })

  test('a role that may not be taken stops the query before it runs', async () => {
    const query = claimedQuery(pool, [['role', 'freehold_owner']], {
      text: 'insert into app_public.scribble values (3)',
    })
    await expect(query).rejects.toMatchObject({ code: expect.stringMatching(/22023|42501/) })
    expect((await ask('a', WHO)).rows).toEqual([{ user: 'app_user', tenant: 'a' }])
  })

  test('notices come with the answer', async () => {
    await api.database.owner
      .query(`create function app_public.speak() returns int language plpgsql as $$ begin raise notice 'hello'; return 1; end $$;
      grant execute on function app_public.speak() to app_user`)
    expect(await ask('a', 'select app_public.speak() as n')).toMatchObject({
      rows: [{ n: 1 }],
      notices: [{ severity: 'NOTICE', message: 'hello' }],
    })
  })

  test('a name that is no setting is refused', async () => {
    await expect(claimedQuery(pool, [["x', 'y', true), version() --", '']], { text: 'select 1' })).rejects.toThrow(
      'is not the name of a setting',
    )
  })
})

test('requests of two tenants, interleaved over the same connections, see their own', async () => {
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      api
        .ask(n % 2 ? 'alice' : 'mallory', '{ projects { nodes { slug } } }')
        .then(({ data }) => [n % 2, data.projects.nodes]),
    ),
  )
  for (const [odd, nodes] of answers) expect(nodes).toEqual([{ slug: odd ? 'shop' : 'lair' }])
})

test('every select on a tenant table carries the tenant as a parameter', async () => {
  const texts: { text: string; values: unknown[] }[] = []
  const { query } = pg.Client.prototype
  const spy = jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: any[]) {
    const [first] = args
    if (typeof first?.text === 'string' && /app_public/.test(first.text)) texts.push(first)
    return (query as any).apply(this, args)
  })
  const { data } = await api.ask(
    'alice',
    'query ($id: UUID!) { project(id: $id) { slug } deployments { nodes { project { slug } logs { nodes { id } } } } }',
    { id: api.ids.projects.shop },
  )
  spy.mockRestore()
  expect(data.project.slug).toBe('shop')
  expect(texts.length).toBeGreaterThanOrEqual(2)
  for (const { text, values } of texts) {
    expect(text).toMatch(/"tenant_id" = \$\d+::"?uuid"?/)
    expect(values).toContain(api.ids.tenants.acme)
    expect((text.match(/"app_public"\."\w+"/g) ?? []).length).toBeLessThanOrEqual(
      (text.match(/"tenant_id" = \$\d+::"?uuid"?/g) ?? []).length,
    )
  }
})

test('someone without a tenant sees no row of a tenant, and no error', async () => {
  const { data, errors } = await api.ask('nobody', '{ projects { totalCount nodes { id } } currentUser { username } }')
  expect(errors).toBeUndefined()
  expect(data).toEqual({ projects: { totalCount: 0, nodes: [] }, currentUser: { username: 'nobody' } })
  expect((await api.ask('alice', '{ projects { totalCount } }')).data).toEqual({ projects: { totalCount: 1 } })
})

test('a connection lost during a mutation fails that mutation and nothing else', async () => {
  await api.database.owner
    .query(`create or replace function app_public.slowly() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return NEW; end $$;
    create trigger slowly before insert on app_public.projects for each row when (NEW.slug = 'slow') execute function app_public.slowly()`)
  const held = await holdLock()
  const slow = api.ask(
    'alice',
    'mutation { createProject(input: {project: {name: "Slow", slug: "slow"}}) { project { slug } } }',
  )
  await until(
    async () =>
      (
        await api.database.superuser.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`,
        )
      ).rowCount === 1,
  )
  expect((await slow).errors?.[0]?.extensions.code).toBe('UNAVAILABLE')
  await held.release()
  expect(
    (await api.ask('alice', '{ projects(filter: {slug: {in: ["slow", "shop"]}}) { nodes { slug } } }')).data.projects
      .nodes,
  ).toEqual([{ slug: 'shop' }])
})

test('nobody at all is asked to sign in', async () => {
  const { data, errors } = await api.ask(null, '{ projects { totalCount } }')
  expect([data, errors?.[0]?.extensions.code]).toEqual([undefined, 'UNAUTHENTICATED'])
})

test('a mutation and its answer are under the claims too', async () => {
  const create =
    'mutation { createProject(input: {project: {name: "Made", slug: "made"}}) { project { slug tenant { slug } } } }'
  expect((await api.ask('vera', create)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  expect((await api.ask('alice', create)).data).toEqual({
    createProject: { project: { slug: 'made', tenant: { slug: 'acme' } } },
  })
  expect((await api.ask('alice', create)).errors?.[0]?.extensions.code).toBe('PROJECT_SLUG_TAKEN')
  const { data } = await api.ask('alice', '{ projectBySlug(slug: "made") { id } }')
  const rename =
    'mutation ($id: UUID!) { updateProject(input: {id: $id, patch: {name: "Renamed"}}) { project { name } } }'
  const theirs = await api.ask('mallory', rename, { id: data.projectBySlug.id })
  expect(theirs.data?.updateProject?.project ?? null).toBeNull()
  expect((await api.ask('alice', '{ projectBySlug(slug: "made") { name } }')).data.projectBySlug.name).toBe('Made')
  expect((await api.ask('alice', rename, { id: data.projectBySlug.id })).data).toEqual({
    updateProject: { project: { name: 'Renamed' } },
  })
})
