import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { ask } from '../support/ask.ts'

type Cast = Awaited<ReturnType<typeof namedPeople>>
type Caller = { token: string; tenant?: string }

let database: TestDatabase
let cast: Cast
const project: Record<string, string> = {}
let team: string

const names = async (caller: Caller | null) =>
  (await ask<{ name: string }>(database, caller, 'select name from app_public.projects order by name')).map(
    ({ name }) => name,
  )
const make = async (caller: Caller, name: string, visibility: string, teamId: string | null = null) => {
  const [row] = await ask<{ id: string }>(
    database,
    caller,
    'insert into app_public.projects (name, slug, visibility, team_id) values ($1, lower($1), $2, $3) returning id',
    [name, visibility, teamId],
  )
  project[name] = row!.id
}

beforeAll(async () => {
  database = await testDatabase()
  cast = await namedPeople(database)
  const { alice, bob, mallory } = cast
  const [row] = await ask<{ id: string }>(
    database,
    alice,
    `insert into app_public.teams (name) values ('crew') returning id`,
  )
  team = row!.id
  await make(alice, 'open', 'public')
  await make(alice, 'shared', 'team')
  await make(alice, 'crewed', 'team', team)
  await make(alice, 'closed', 'private')
  await make(bob, 'bobs', 'private')
  await make(mallory, 'lair', 'public')
})
afterAll(() => database?.close())

test('an owner sees every project of the tenant, and none of another', async () => {
  expect(await names(cast.alice)).toEqual(['bobs', 'closed', 'crewed', 'open', 'shared'])
  expect(await names(cast.mallory)).toEqual(['lair'])
})

test('a developer sees public ones, those for the whole tenant, and their own', async () => {
  expect(await names(cast.bob)).toEqual(['bobs', 'open', 'shared'])
})

test('a viewer sees public ones and those for the whole tenant', async () => {
  expect(await names(cast.vera)).toEqual(['open', 'shared'])
})

test('billing sees public ones only', async () => {
  expect(await names(cast.bill)).toEqual(['open'])
})

test('somebody without a tenant or a log-in sees none', async () => {
  expect(await names(cast.nobody)).toEqual([])
  await expect(names(null)).rejects.toMatchObject({ code: '42501' })
})

test('a team project opens to its team, for as long as one is in it', async () => {
  const [row] = await ask<{ id: string }>(
    database,
    cast.alice,
    'insert into app_public.team_members (team_id, user_id) values ($1, $2) returning id',
    [team, cast.vera.id],
  )
  expect(await names(cast.vera)).toEqual(['crewed', 'open', 'shared'])
  expect(await names(cast.bob)).not.toContain('crewed')
  await ask(database, cast.vera, 'delete from app_public.team_members where id = $1', [row!.id])
  expect(await names(cast.vera)).toEqual(['open', 'shared'])
})

test('a private project opens to its members, with all that is below it', async () => {
  const environments = () =>
    ask(database, cast.vera, 'select id from app_public.project_environments where project_id = $1', [project.closed])
  expect(await environments()).toEqual([])
  await ask(database, cast.alice, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
    project.closed,
    cast.vera.id,
  ])
  expect(await names(cast.vera)).toContain('closed')
  expect(await environments()).toHaveLength(2)
  await ask(database, cast.alice, 'delete from app_public.project_members where project_id = $1', [project.closed])
  expect(await environments()).toEqual([])
})

test('a member who is not of the tenant cannot be added to a project', async () => {
  await expect(
    ask(database, cast.alice, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
      project.closed,
      cast.mallory.id,
    ]),
  ).rejects.toMatchObject({ code: '23503', constraint: 'project_members_membership_fkey' })
})

test('a deleted project is gone for everybody, its owner included, with all that was below it', async () => {
  const { alice } = cast
  await make(alice, 'doomed', 'public')
  await ask(database, alice, `select * from app_public.request_deployment($1, 'production', $2)`, [
    project.doomed,
    'a'.repeat(40),
  ])
  const below = async (table: string) =>
    (await ask(database, alice, `select from app_public.${table} where project_id = $1`, [project.doomed])).length
  expect(await below('deployments')).toBe(1)
  await ask(database, alice, 'select * from app_public.delete_project($1)', [project.doomed])
  expect(await names(alice)).not.toContain('doomed')
  for (const table of ['deployments', 'deployment_status_history', 'project_environments', 'events'])
    expect([table, await below(table)]).toEqual([table, 0])
  const { rows } = await database.superuser.query('select from app_public.deployments where project_id = $1', [
    project.doomed,
  ])
  expect(rows).toHaveLength(1)
})

test('a viewer changes nothing they see; a developer does', async () => {
  const rename = (caller: Caller) =>
    ask(database, caller, `update app_public.projects set description = 'mine' where id = $1 returning id`, [
      project.open,
    ])
  expect(await rename(cast.vera)).toEqual([])
  expect(await rename(cast.mallory)).toEqual([])
  expect(await rename(cast.bob)).toHaveLength(1)
  await expect(
    ask(database, cast.vera, `insert into app_public.projects (name, slug) values ('vera', 'vera')`),
  ).rejects.toMatchObject({ code: '42501' })
})

test('nobody writes the tenant, not even their own', async () => {
  await expect(
    ask(database, cast.alice, `insert into app_public.projects (tenant_id, name, slug) values ($1, 'x', 'xx')`, [
      cast.tenants.acme.id,
    ]),
  ).rejects.toMatchObject({ code: '42501' })
  await expect(
    ask(database, cast.alice, 'update app_public.projects set tenant_id = $1', [cast.tenants.evil.id]),
  ).rejects.toMatchObject({ code: '42501' })
})
