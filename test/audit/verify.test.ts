import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../../src/db/withClient.ts'
import { describeReport } from '../../src/audit/cli.ts'
import { verifyAudit } from '../../src/audit/verify.ts'
import { findings, seal, tampered, verify } from './support.ts'
import { ask } from '../support/ask.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
/** Versions of three projects, each with several, in order; they are in several seals. */
let versions: { id: string; row_id: string; created_at: string; seal: number }[]

beforeAll(async () => {
  database = await testDatabase({ isAlone: true })
  world = await namedPeople(database)
  for (const name of ['One', 'Two', 'Three']) {
    await ask(database, world.alice, 'insert into app_public.projects (name, slug) values ($1, lower($1))', [name])
    await ask(database, world.alice, `update app_public.projects set description = 'first ' || name where name = $1`, [
      name,
    ])
    await ask(database, world.alice, `update app_public.projects set description = 'then ' || name where name = $1`, [
      name,
    ])
  }
  await seal(database, 5)
  await ask(database, world.alice, `update app_public.projects set description = 'not sealed'`)
  const { rows } = await database.superuser.query(`
    select v.id, v.row_id, to_char(v.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, s.number::integer as seal
    from audit.row_versions v
    join audit.seals s on s.tenant_id = v.tenant_id and s.from_transaction <= v.transaction_id and s.until_transaction > v.transaction_id
    where v.table_name = 'projects' and v.action = 'update' order by v.id`)
  versions = rows
})
afterAll(() => database.close())

const named = (index: number) => ({
  seal: versions[index]!.seal,
  table: 'projects',
  rowId: versions[index]!.row_id,
  versionId: versions[index]!.id,
  at: versions[index]!.created_at,
})

test('a ledger that nobody touched is clean, and says how far it is sealed', async () => {
  const reports = await verify(database)
  expect(reports.map(({ tenant }) => tenant)).toEqual(['(platform)', 'acme', 'evil'])
  expect(reports.flatMap((report) => report.findings)).toEqual([])
  const acme = reports[1]!
  expect(acme).toMatchObject({ unsealed: 3 })
  expect(acme.seals).toBeGreaterThan(3)
  const {
    rows: [count],
  } = await database.superuser.query('select count(*)::integer as all from audit.row_versions where tenant_id = $1', [
    acme.tenantId,
  ])
  expect(acme.versions + acme.unsealed).toBe(count.all)
  expect(describeReport(acme)).toBe(`acme: ${acme.seals} seals, ${acme.versions} versions, clean; 3 not sealed yet`)
})

test('one tenant is verified by slug or id, and an unknown one is no clean one', async () => {
  expect((await verify(database, { tenant: 'acme' })).map(({ tenant }) => tenant)).toEqual(['acme'])
  expect((await verify(database, { tenant: world.tenants.evil.id })).map(({ tenant }) => tenant)).toEqual(['evil'])
  await expect(verify(database, { tenant: 'nobody' })).rejects.toThrow('knows no tenant "nobody"')
})

test('the owner of the database sees the same as a superuser, without leaving anything behind', async () => {
  const {
    rows: [before],
  } = await database.superuser.query('select count(*) from pg_class')
  expect(await withClient(database.urls.owner, (client) => verifyAudit(client))).toEqual(await verify(database))
  expect((await database.superuser.query('select count(*) from pg_class')).rows).toEqual([before])
})

test.each([
  ['snapshot', `snapshot = jsonb_set(snapshot, '{description}', '"never"')`],
  ['diff', `diff = '{}'`],
  ['actor', 'user_id = uuidv7()'],
  ['time', `created_at = created_at + interval '1 microsecond'`],
  ['action', `action = 'insert'`],
  ['transaction', `transaction_id = (transaction_id::text::bigint + 1)::text::xid8`],
  ['rank of readers', `reader_role = 'owner'`],
])('an edited %s is found', async (_what, set) => {
  const found = await tampered(database, [`update audit.row_versions set ${set} where id = '${versions[2]!.id}'`], () =>
    findings(database),
  )
  expect(found).toMatchObject([{ kind: 'edited', ...named(2), at: expect.any(String) }])
})

test('a deleted version is found', async () => {
  const found = await tampered(database, [`delete from audit.row_versions where id = '${versions[3]!.id}'`], () =>
    findings(database),
  )
  expect(found).toMatchObject([
    {
      kind: 'deleted',
      seal: versions[3]!.seal,
      versionId: versions[3]!.id,
      at: expect.stringMatching(new RegExp(`^${versions[3]!.created_at.slice(0, 16)}`)),
    },
  ])
})

test('an inserted version is found', async () => {
  const id = '0190aaaa-0000-7000-8000-000000000000'
  const found = await tampered(
    database,
    [
      `
    insert into audit.row_versions
    select (jsonb_populate_record(v, jsonb_build_object('id', '${id}', 'snapshot', v.snapshot || '{"description": "forged"}'))).*
    from audit.row_versions v where id = '${versions[4]!.id}'`,
    ],
    () => findings(database),
  )
  expect(found).toMatchObject([{ kind: 'inserted', ...named(4), versionId: id }])
})

const swap = (columns: string, one: number, other: number) => `
  update audit.row_versions v set (${columns}) = (
    select ${columns} from public.kept_versions o where o.id = case v.id when '${versions[one]!.id}' then '${versions[other]!.id}' else '${versions[one]!.id}' end::uuid)
  where v.id in ('${versions[one]!.id}', '${versions[other]!.id}')`
/** Everything of a version but what says which and when. */
const CONTENT = `table_name, row_id, project_id, subject_id, reader_role, action, actor_type, user_id, api_key_id, actor, session_id, request_id,
  snapshot, diff, personal, personal_salt, personal_digest, ip, user_agent, origin_salt, origin_digest`

test.each([
  ['contents', () => CONTENT],
  ['contents with their transactions', () => `transaction_id, ${CONTENT}`],
  ['contents with times and transactions', () => `created_at, transaction_id, ${CONTENT}`],
  ['ids', () => 'id'],
  ['times', () => 'created_at'],
  ['transactions', () => 'transaction_id'],
  ['snapshots', () => 'snapshot'],
  ['snapshots and diffs', () => 'snapshot, diff'],
])('two versions whose %s were swapped are found, and named as reordered', async (_what, columns) => {
  for (const [one, other] of [
    [0, 1],
    [1, 5],
  ] as const) {
    const found = await tampered(database, [swap(columns(), one, other)], () => findings(database))
    expect(found.map(({ kind }) => kind)).toEqual(['reordered', 'reordered'])
    expect(found.map(({ versionId }) => versionId).sort()).toEqual([versions[one]!.id, versions[other]!.id].sort())
  }
})

test('of several changes the first bad seal is named first', async () => {
  const found = await tampered(
    database,
    [
      `delete from audit.row_versions where id = '${versions[5]!.id}'`,
      `update audit.row_versions set diff = '{}' where id = '${versions[0]!.id}'`,
    ],
    async () => (await verify(database, { tenant: 'acme' }))[0]!,
  )
  expect(found.findings.map(({ kind, versionId }) => [kind, versionId])).toEqual([
    ['edited', versions[0]!.id],
    ['deleted', versions[5]!.id],
  ])
  expect(describeReport(found)).toContain(`CHANGED, first in seal ${versions[0]!.seal};`)
})

test.each([
  [
    'value',
    `personal = jsonb_set(personal, '{snapshot,name}', '"Somebody"')`,
    'its personal values are not what was sealed',
  ],
  [
    'value with its digest',
    `personal = '{"diff": {}, "snapshot": {"name": "X"}}', personal_digest = sha256(personal_salt || convert_to('{"diff": {}, "snapshot": {"name": "X"}}', 'utf8'))`,
    'it is not what was sealed',
  ],
  [
    'value that was emptied',
    'personal = null, personal_salt = null',
    'its personal values were emptied, and nobody was erased',
  ],
  ['address', `ip = '192.0.2.9'`, 'its address and user agent are not what was sealed'],
  [
    'address that was emptied',
    'ip = null, user_agent = null, origin_salt = null',
    'its address and user agent were emptied, and nobody was erased',
  ],
])('an edited personal %s is found', async (_what, set, what) => {
  const found = await tampered(
    database,
    [
      `update audit.row_versions set ${set} where table_name = 'users' and action = 'insert' and subject_id = '${world.bob.id}'`,
    ],
    () => findings(database),
  )
  expect(found).toMatchObject([{ kind: 'edited', table: 'users', rowId: world.bob.id, what }])
})

test.each([
  ['edited', `update audit.seals set manifest = manifest || manifest, row_count = row_count * 2 where number = 2`, 2],
  ['given another time', `update audit.seals set created_at = created_at + interval '1 day' where number = 2`, 2],
  ['taken out of the chain', `delete from audit.seals where number = 2`, 2],
  ['taken from the beginning', `delete from audit.seals where number = 1`, 1],
  [
    'put where another was',
    `update audit.seals set number = case number when 2 then 1002 else 2 end where number in (2, 3)`,
    2,
  ],
])('a seal that was %s is found', async (_what, sql, number) => {
  const { tenants } = world
  const found = await tampered(database, [`${sql} and tenant_id = '${tenants.acme.id}'`], () =>
    findings(database, { tenant: 'acme' }),
  )
  expect(found[0]).toMatchObject({ kind: 'seal', seal: number })
})

test('a partition that was detached is read too', async () => {
  const {
    rows: [{ name }],
  } = await database.superuser.query(`select distinct tableoid::regclass::text as name from audit.row_versions`)
  const {
    rows: [{ bounds }],
  } = await database.superuser.query(
    `select pg_get_expr(relpartbound, oid) as bounds from pg_class where oid = $1::regclass`,
    [name],
  )
  await database.superuser.query(`alter table audit.row_versions detach partition ${name}`)
  try {
    const reports = await verify(database)
    expect(reports.flatMap((report) => report.findings)).toEqual([])
    expect(reports.find(({ tenant }) => tenant === 'acme')).toMatchObject({ unsealed: 3 })
    expect(await withClient(database.urls.owner, (client) => verifyAudit(client))).toEqual(reports)
    await database.superuser.query(
      `set session_replication_role to replica; update ${name} set diff = '{}' where id = '${versions[1]!.id}'; set session_replication_role to default`,
    )
    expect(await findings(database)).toMatchObject([{ kind: 'edited', ...named(1) }])
  } finally {
    await database.superuser.query(`alter table audit.row_versions attach partition ${name} ${bounds}`)
  }
})
