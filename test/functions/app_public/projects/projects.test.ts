import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { enrol, join, namedPeople, type Person } from '../../../support/people.ts'
import { ask, askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const make = (who: Person, slug: string, more: Record<string, unknown> = {}) => {
  const columns = { name: slug, slug, visibility: 'team', ...more }
  const names = Object.keys(columns)
  return askOne(
    database,
    who,
    `insert into app_public.projects (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) returning *`,
    Object.values(columns),
  )
}
const deploy = (who: Person, project: string, environment = 'production') =>
  askOne(database, who, 'select * from app_public.request_deployment($1, $2, ref => $$main$$)', [project, environment])
const FORBIDDEN = expect.objectContaining({ sqlstate: 'FH403', code: 'FORBIDDEN' })
const NOT_FOUND = { sqlstate: 'FH404', code: 'PROJECT_NOT_FOUND' }

test('a project is made with staging and production, which deploy their branches', async () => {
  const { id } = await make(people.bob, 'web')
  const environments =
    'select name, type, branch, is_active, requires_approval from app_public.project_environments where project_id = $1 order by name'
  const standard = { is_active: true, requires_approval: false }
  expect(await rows(environments, [id])).toEqual([
    { name: 'production', type: 'production', branch: 'main', ...standard },
    { name: 'staging', type: 'staging', branch: 'staging', ...standard },
  ])
  expect(await rows('select type, actor_user_id, data from app_public.events where subject_id = $1', [id])).toEqual([
    { type: 'project.created', actor_user_id: people.bob.id, data: { name: 'web', slug: 'web' } },
  ])
  // A branch has one destination.
  const odd = await make(people.bob, 'odd', { repository_branch: 'staging' })
  expect((await rows(environments, [odd.id])).map((row) => row.branch)).toEqual(['staging', null])
})

test('members and above make projects', async () => {
  for (const who of [people.vera, people.bill, people.nobody])
    expect(await refusal(make(who, 'mine'))).toMatchObject({ sqlstate: '42501' })
  expect(await make(people.bob, 'mine')).toMatchObject({ owner_id: people.bob.id, tenant_id: people.tenants.acme.id })
})

test('a slug is unique in its tenant, and free in another', async () => {
  await make(people.alice, 'unique')
  expect(await refusal(make(people.bob, 'unique'))).toEqual({ sqlstate: '23505', code: 'projects_slug_key' })
  expect(await make(people.mallory, 'unique')).toMatchObject({ slug: 'unique' })
})

test('deleting a project hides it, cancels what waits, and frees name and slug', async () => {
  const { id } = await make(people.bob, 'gone')
  const waiting = await deploy(people.bob, id)
  const remove = (who: Person) => askOne(database, who, 'select * from app_public.delete_project($1)', [id])
  expect(await refusal(remove(people.mallory))).toEqual(NOT_FOUND)
  expect(await refusal(remove(people.vera))).toEqual(FORBIDDEN)
  await remove(people.bob)
  expect(await ask(database, people.alice, 'select 1 from app_public.projects where id = $1', [id])).toEqual([])
  expect(await rows('select status, status_reason from app_public.deployments where id = $1', [waiting.id])).toEqual([
    { status: 'canceled', status_reason: 'The project was deleted' },
  ])
  expect(await refusal(deploy(people.bob, id))).toEqual(NOT_FOUND)
  expect(await refusal(remove(people.bob))).toEqual(NOT_FOUND)
  const again = await make(people.bob, 'gone')
  expect(again.id).not.toBe(id)
  await askOne(database, people.alice, 'select * from app_public.delete_project($1)', [again.id])
  expect(await make(people.bob, 'gone')).toMatchObject({ slug: 'gone' })
  expect(await refusal(make(people.bob, 'gone'))).toMatchObject({ code: 'projects_slug_key' })
  // What is deleted keeps the name it had.
  expect(await rows('select slug, name from app_public.projects where id = $1', [id])).toEqual([
    { slug: 'gone', name: again.name },
  ])
})

test('long names and slugs can be deleted, more than once', async () => {
  for (let i = 0; i < 2; i += 1) {
    const { id } = await make(people.bob, 's'.repeat(63), { name: 'n'.repeat(255) })
    expect(
      (await askOne(database, people.bob, 'select * from app_public.delete_project($1)', [id])).deleted_at,
    ).not.toBeNull()
  }
})

test('an archived project takes no deployments until it is taken out again', async () => {
  const { id } = await make(people.bob, 'attic')
  const archive = (who: Person) => askOne(database, who, 'select * from app_public.archive_project($1)', [id])
  const unarchive = (who: Person) => askOne(database, who, 'select * from app_public.unarchive_project($1)', [id])
  for (const call of [archive, unarchive]) {
    expect(await refusal(call(people.vera))).toEqual(FORBIDDEN)
    expect(await refusal(call(people.mallory))).toEqual(NOT_FOUND)
  }
  const { archived_at } = await archive(people.bob)
  expect(archived_at).toBeInstanceOf(Date)
  expect(await archive(people.bob)).toMatchObject({ archived_at, status: 'archived' })
  expect(await refusal(deploy(people.bob, id))).toEqual({ sqlstate: 'FH422', code: 'PROJECT_ARCHIVED' })
  expect(await unarchive(people.bob)).toMatchObject({ archived_at: null, status: 'in_progress' })
  expect(await deploy(people.bob, id)).toMatchObject({ status: 'pending' })
})

test('a project is given to a team that stands', async () => {
  const crew = await askOne(database, people.alice, `insert into app_public.teams (name) values ('Crew') returning id`)
  const foreign = await askOne(
    database,
    people.mallory,
    `insert into app_public.teams (name) values ('Gang') returning id`,
  )
  const noTeam = { sqlstate: 'FH404', code: 'TEAM_NOT_FOUND' }
  expect(await refusal(make(people.alice, 'teamed', { team_id: foreign.id }))).toEqual(noTeam)
  const { id } = await make(people.alice, 'teamed', { team_id: crew.id })
  await ask(database, people.alice, 'select app_public.delete_team($1)', [crew.id])
  expect(await refusal(make(people.alice, 'teamed-too', { team_id: crew.id }))).toEqual(noTeam)
  expect(
    await refusal(
      ask(database, people.alice, 'update app_public.projects set team_id = $2 where id = $1', [id, foreign.id]),
    ),
  ).toEqual(noTeam)
  expect(
    await ask(database, people.alice, 'update app_public.projects set team_id = null where id = $1 returning team_id', [
      id,
    ]),
  ).toEqual([{ team_id: null }])
})

test('a deleted team has no members, and its name is free', async () => {
  const team = () =>
    askOne(database, people.alice, `insert into app_public.teams (name) values ('Phoenix') returning id`)
  const { id } = await team()
  await ask(database, people.alice, 'insert into app_public.team_members (team_id, user_id) values ($1, $2)', [
    id,
    people.bob.id,
  ])
  const remove = (who: Person) => ask(database, who, 'select app_public.delete_team($1)', [id])
  expect(await refusal(remove(people.bob))).toEqual(FORBIDDEN)
  expect(await refusal(remove(people.mallory))).toEqual({ sqlstate: 'FH404', code: 'TEAM_NOT_FOUND' })
  await remove(people.alice)
  expect(await rows('select 1 from app_public.team_members where team_id = $1', [id])).toEqual([])
  expect(await refusal(remove(people.alice))).toEqual({ sqlstate: 'FH404', code: 'TEAM_NOT_FOUND' })
  expect((await team()).id).not.toBe(id)
  expect(await refusal(team())).toEqual({ sqlstate: '23505', code: 'teams_name_key' })
  expect(await rows('select name from app_public.teams where id = $1', [id])).toEqual([{ name: 'Phoenix' }])
})

test('deleting an environment cancels what waits there and frees its name; an inactive one takes nothing', async () => {
  const { id } = await make(people.bob, 'envs')
  const environment = (name: string) =>
    askOne(database, people.bob, 'select * from app_public.project_environments where project_id = $1 and name = $2', [
      id,
      name,
    ])
  const staging = await environment('staging')
  const [there, elsewhere] = [await deploy(people.bob, id, 'staging'), await deploy(people.bob, id)]
  await ask(database, people.bob, 'update app_public.project_environments set is_active = false where id = $1', [
    staging.id,
  ])
  expect(await refusal(deploy(people.bob, id, 'staging'))).toEqual({ sqlstate: 'FH422', code: 'ENVIRONMENT_INACTIVE' })
  expect(await refusal(ask(database, people.vera, 'select app_public.delete_environment($1)', [staging.id]))).toEqual(
    FORBIDDEN,
  )
  await ask(database, people.bob, 'select app_public.delete_environment($1)', [staging.id])
  const status = async (deployment: { id: string }) =>
    (await rows('select status from app_public.deployments where id = $1', [deployment.id]))[0].status
  expect([await status(there), await status(elsewhere)]).toEqual(['canceled', 'pending'])
  expect(await refusal(deploy(people.bob, id, 'staging'))).toEqual({ sqlstate: 'FH404', code: 'ENVIRONMENT_NOT_FOUND' })
  expect(await refusal(ask(database, people.bob, 'select app_public.delete_environment($1)', [staging.id]))).toEqual(
    NOT_FOUND,
  )
  await ask(
    database,
    people.bob,
    `insert into app_public.project_environments (project_id, name, type, branch) values ($1, 'staging', 'staging', 'staging')`,
    [id],
  )
  expect(await deploy(people.bob, id, 'staging')).toMatchObject({ environment: 'staging', status: 'pending' })
  expect(await rows('select name from app_public.project_environments where id = $1', [staging.id])).toEqual([
    { name: 'staging' },
  ])
})

test('a private project does not exist for those it is not shared with, whatever they try', async () => {
  const { id } = await make(people.alice, 'private', { visibility: 'private' })
  const carl = await enrol(database, 'carl')
  await join(database, people.alice, carl, people.tenants.acme, 'developer')
  for (const sql of [
    'request_deployment',
    'archive_project',
    'unarchive_project',
    'delete_project',
    'create_webhook_source',
  ]) {
    const call =
      sql === 'create_webhook_source'
        ? `select * from app_public.create_webhook_source($1, 'hub')`
        : `select * from app_public.${sql}($1)`
    expect(await refusal(ask(database, people.bob, call, [id]))).toEqual(NOT_FOUND)
  }
  await ask(database, people.alice, 'insert into app_public.project_members (project_id, user_id) values ($1, $2)', [
    id,
    people.bob.id,
  ])
  expect(await deploy(people.bob, id)).toMatchObject({ project_id: id })
  expect(await refusal(deploy(carl, id))).toEqual(NOT_FOUND)
  // Nor does its work come up for a runner that may not see it.
  expect(
    await ask(
      database,
      carl,
      `select from app_public.claim_deployment('r') c where c.deployment_id in (select d.id from app_public.deployments d where d.project_id = $1)`,
      [id],
    ),
  ).toEqual([])
})

test('archiving cancels what waits', async () => {
  const { id } = await make(people.bob, 'asleep')
  const waiting = await deploy(people.bob, id)
  await askOne(database, people.bob, 'select * from app_public.archive_project($1)', [id])
  expect(await rows('select status, status_reason from app_public.deployments where id = $1', [waiting.id])).toEqual([
    { status: 'canceled', status_reason: 'The project was archived' },
  ])
})

test('a developer asks for approval, and an admin alone lifts it', async () => {
  const { id } = await make(people.bob, 'guarded')
  const set = (who: Person, value: boolean) =>
    ask(
      database,
      who,
      `update app_public.project_environments set requires_approval = $2 where project_id = $1 and name = 'production' returning requires_approval`,
      [id, value],
    )
  expect(await set(people.bob, true)).toEqual([{ requires_approval: true }])
  expect(await refusal(set(people.bob, false))).toEqual(FORBIDDEN)
  expect(await set(people.alice, false)).toEqual([{ requires_approval: false }])
})
