import { testDatabase, type TestDatabase } from '../support/database.ts'
import { namedPeople, type People, type Settled } from '../support/people.ts'
import { ask, askOne } from '../support/ask.ts'
import { refusal } from '../support/refusal.ts'

let database: TestDatabase
let people: Settled & People
let project: string
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  project = (
    await askOne(
      database,
      people.alice,
      `insert into app_public.projects (name, slug, visibility) values ('Shop', 'shop', 'team') returning id`,
    )
  ).id
})
afterAll(() => database.close())

const nested = (levels: number) => `{"a": ${'['.repeat(levels)}${']'.repeat(levels)}}`

/** How a document comes into each table that shows one, as a person writes it. */
const WAYS: Record<string, (document: string) => Promise<unknown>> = {
  tenants: (document) => ask(database, people.alice, 'update app_public.tenants set settings = $1', [document]),
  user_settings: (document) =>
    ask(database, people.alice, 'update app_public.user_settings set preferences = $1', [document]),
  sessions: (document) =>
    ask(database, null, 'select app_public.login($1, $2, null, $3)', [people.bob.email, people.bob.password, document]),
  projects: (document) => ask(database, people.alice, 'update app_public.projects set tech_stack = $1', [document]),
  project_environments: (document) =>
    ask(database, people.alice, 'update app_public.project_environments set env_vars = $1', [document]),
  api_keys: (document) =>
    ask(database, people.alice, `select app_public.create_api_key('k', permissions => jsonb_build_array($1::jsonb))`, [
      document,
    ]),
  deployments: (document) =>
    ask(database, people.bob, `select app_public.request_deployment($1, ref => 'main', config => $2)`, [
      project,
      document,
    ]),
}

test.each(Object.keys(WAYS))('%s: a document is at most 200 levels deep', async (table) => {
  for (const levels of [201, 5000])
    expect([levels, await refusal(WAYS[table]!(nested(levels)))]).toEqual([
      levels,
      { sqlstate: 'FH400', code: table === 'api_keys' ? expect.any(String) : 'JSON_TOO_DEEP' },
    ])
  if (table !== 'api_keys') await WAYS[table]!(nested(200))
})

test('what a program reports is as shallow', async () => {
  const { token } = await askOne(database, people.alice, `select token from app_public.create_api_key('r', '{write}')`)
  const report = (diff: string) =>
    ask(
      database,
      { token },
      `select * from app_public.record_audit_events(jsonb_build_array(jsonb_build_object(
        'id', uuidv7(), 'entity_id', uuidv7(), 'action', 'disk.full', 'created_at', now(), 'diff', $1::jsonb)))`,
      [diff],
    )
  expect(await refusal(report(nested(5000)))).toEqual({ sqlstate: 'FH400', code: 'JSON_TOO_DEEP' })
  expect(await report(nested(100))).toEqual([{ stored: 1, duplicates: 0 }])
})
