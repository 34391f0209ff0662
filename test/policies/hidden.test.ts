import { call } from '../../src/db/call.ts'
import type { Claims } from '../../src/db/withTenant.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const claimsOf = async (token: string, tenant: string) => {
  const given = { token, tenant, ip: null, user_agent: null, request_id: null }
  return (await call(database.authenticator, 'app_private.authenticate', given)) as Claims
}
const announced = async (act: () => Promise<unknown>): Promise<string[]> => {
  const client = await database.superuser.connect()
  const heard: string[] = []
  client.on('notification', ({ payload }) => void heard.push(payload ?? ''))
  try {
    await client.query('listen auth_revoked')
    await act()
    await client.query('select 1')
    await client.query('unlisten auth_revoked')
  } finally {
    client.removeAllListeners('notification')
    client.release()
  }
  return heard.filter((payload) => payload.startsWith('visibility:'))
}
const project = (slug: string, visibility: string) =>
  ask(
    database,
    people.alice,
    'insert into app_public.projects (name, slug, visibility) values ($1, $2, $3) returning id',
    [slug, slug, visibility],
  ).then(([row]) => row!.id as string)

test('what is hidden is a claim, and the same as when it is asked anew', async () => {
  const secret = await project('secret', 'private')
  const { hidden_project_ids: bobs } = await claimsOf(people.bob.token, 'acme')
  expect(bobs).toBe(`{${secret}}`)
  expect((await claimsOf(people.alice.token, 'acme')).hidden_project_ids).toBe('{}')
  for (const claim of [bobs, '']) {
    const client = await database.superuser.connect()
    try {
      await client.query('begin')
      for (const [name, value] of Object.entries({
        ...(await claimsOf(people.bob.token, 'acme')),
        hidden_project_ids: claim,
      })) {
        await client.query('select set_config($1, $2, true)', [`app.${name}`, String(value)])
      }
      await client.query('set local role app_user')
      expect((await client.query('select app_hidden.hidden_project_ids() as ids')).rows[0].ids).toEqual([secret])
      expect((await client.query('select from app_public.projects where id = $1', [secret])).rowCount).toBe(0)
    } finally {
      await client.query('rollback')
      client.release()
    }
  }
})

test('very many are no claim, and stay hidden', async () => {
  await ask(
    database,
    people.alice,
    `insert into app_public.projects (name, slug, visibility) select 'p' || g, 'p' || g, 'private' from generate_series(1, 120) g returning id`,
  )
  expect((await claimsOf(people.bob.token, 'acme')).hidden_project_ids).toBeUndefined()
  expect(await ask(database, people.bob, `select 1 from app_public.projects where slug = 'p7'`)).toEqual([])
  expect(await ask(database, people.alice, `select 1 from app_public.projects where slug = 'p7'`)).toHaveLength(1)
})

test('whatever changes what is hidden is announced, so that no kept claim outlives it', async () => {
  const told = [`visibility:${people.tenants.acme.id}`]
  let id = ''
  expect(
    await announced(async () => {
      id = await project('moving', 'team')
    }),
  ).toEqual(told)
  expect(
    await announced(() =>
      ask(database, people.alice, `update app_public.projects set visibility = 'private' where id = $1 returning id`, [
        id,
      ]),
    ),
  ).toEqual(told)
  expect(
    await announced(() =>
      ask(
        database,
        people.alice,
        'insert into app_public.project_members (project_id, user_id) values ($1, $2) returning id',
        [id, people.bob.id],
      ),
    ),
  ).toEqual(told)
  expect(
    await announced(() =>
      ask(
        database,
        people.alice,
        `update app_public.project_members set role = 'viewer' where project_id = $1 returning id`,
        [id],
      ),
    ),
  ).toEqual(told)
  expect(
    await announced(() =>
      ask(database, people.alice, 'delete from app_public.project_members where project_id = $1 returning id', [id]),
    ),
  ).toEqual(told)
  expect(
    await announced(() => ask(database, people.alice, 'select * from app_public.delete_project($1)', [id])),
  ).toEqual(told)
  expect(
    await announced(() =>
      ask(
        database,
        people.alice,
        `update app_public.projects set description = 'x' where slug = 'secret' returning id`,
      ),
    ),
  ).toEqual([])
})

test('ranks in projects are a claim in the same way: few are kept, many are found anew', async () => {
  const { id } = (
    await ask(
      database,
      people.alice,
      `insert into app_public.projects (name, slug, visibility) values ('lent', 'lent', 'public') returning id`,
    )
  )[0]!
  await ask(
    database,
    people.alice,
    `insert into app_public.project_members (project_id, user_id, role) values ($1, $2, 'developer') returning id`,
    [id, people.vera.id],
  )
  expect((await claimsOf(people.vera.token, 'acme')).project_ranks).toBe(`{"${id}": "developer"}`)
  expect((await claimsOf(people.alice.token, 'acme')).project_ranks).toBe('{}')
  await ask(
    database,
    people.alice,
    `insert into app_public.project_members (project_id, user_id, role)
     select p.id, $1, 'developer' from app_public.projects p where p.slug like 'p%' returning id`,
    [people.vera.id],
  )
  expect((await claimsOf(people.vera.token, 'acme')).project_ranks).toBeUndefined()
  const describe = (slug: string, person: { token: string }) =>
    ask(
      database,
      { token: person.token, tenant: 'acme' },
      `update app_public.projects set description = 'told' where slug = $1 returning slug`,
      [slug],
    )
  expect(await describe('p7', people.vera)).toEqual([{ slug: 'p7' }])
  await ask(
    database,
    people.alice,
    `update app_public.project_members set role = 'viewer' where user_id = $1 and project_id = (select id from app_public.projects where slug = 'p7') returning id`,
    [people.vera.id],
  )
  expect(await describe('p7', people.vera)).toEqual([])
  expect(await describe('p8', people.vera)).toEqual([{ slug: 'p8' }])
})
