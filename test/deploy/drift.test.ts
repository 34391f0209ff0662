import { findDrift } from '../../src/deploy/drift.ts'
import { prepareDatabase } from '../../src/deploy/database.ts'
import { withClient } from '../../src/db/withClient.ts'
import { startTemplateCluster, cloneTemplate, type TemplateCluster } from '../../src/dev/templateCluster.ts'

let cluster: TemplateCluster
let urls: Awaited<ReturnType<typeof cloneTemplate>>
beforeAll(async () => {
  // Roles are the whole cluster's.
  cluster = await startTemplateCluster()
  urls = await cloneTemplate(cluster, 'drift')
})
afterAll(() => cluster?.stop())

const superuser = (sql: string) => withClient(urls.superuser, (client) => client.query(sql))
const drift = () => withClient(urls.superuser, (client) => findDrift(client, urls))
const deploy = (secret: string | undefined = cluster.secret) => {
  const lines: string[] = []
  return prepareDatabase({ urls, secret, mayCreate: false }, { log: (line) => lines.push(line) }).then(() => lines)
}

test('what was made has not drifted', async () => {
  expect(await drift()).toEqual([])
  expect(await deploy()).toEqual([])
})

test.each([
  ['freehold_owner', `alter role freehold_owner password 'changed'`, 'its password is another'],
  ['freehold_authenticator', `alter role freehold_authenticator password 'changed'`, 'its password is another'],
  ['freehold_worker', `alter role freehold_worker nologin`, 'it may not log in'],
  ['app_user', 'alter role app_user bypassrls', 'it passes row security by'],
  ['app_user', 'alter role app_user superuser', 'it is a superuser'],
  ['app_system', 'alter role app_system createrole', 'it may create roles'],
  ['freehold_worker', 'alter role freehold_worker createdb', 'it may create databases'],
  ['freehold_authenticator', 'alter role freehold_authenticator inherit', 'it inherits'],
  ['freehold_authenticator', 'alter role freehold_authenticator replication', 'it may replicate'],
  ['app_anonymous', 'alter role app_anonymous login', 'it may log in'],
  ['app_user', 'grant app_system to app_user', 'it is a member of app_system, for which no reason is listed'],
  [
    'freehold_worker',
    'grant pg_read_all_data to freehold_worker',
    'it is a member of pg_read_all_data, for which no reason is listed',
  ],
  [
    'stranger',
    'create role stranger login; grant freehold_owner to stranger',
    'it is a member of freehold_owner, for which no reason is listed',
  ],
  [
    'freehold_owner',
    'grant app_system to freehold_owner with admin option',
    'it may hand on its membership of app_system',
  ],
  ['freehold_authenticator', 'revoke app_user from freehold_authenticator', 'it is no member of app_user'],
  ['freehold_worker', 'alter role freehold_worker connection limit 1', 'it may have 1 connections'],
  [
    'freehold_worker',
    `alter role freehold_worker valid until '2099-01-01 UTC'`,
    'its password ends at 2099-01-01 00:00:00+00',
  ],
  [
    'freehold_authenticator',
    `alter role freehold_authenticator set search_path to public`,
    'it has the setting search_path',
  ],
  ['app_user', 'alter role app_user in database drift set row_security to off', 'it has the setting row_security'],
  ['database drift', 'alter database drift reset timezone', 'its time zone is not set to UTC'],
  ['database drift', 'grant temporary on database drift to public', 'everybody may temporary'],
  [
    'public',
    'grant execute on function pg_catalog.lo_from_bytea(oid, bytea) to public',
    'everybody may call lo_from_bytea(oid,bytea)',
  ],
])('%s, after %s: found, told of at start, and put right by a deploy', async (role, sql, what) => {
  await superuser(sql)
  expect(await drift()).toContainEqual({ role, what })
  const told = await deploy()
  // Without the owner's password there is no looking at what is current: the deploy goes all the way at once.
  if (role !== 'freehold_owner' || what !== 'its password is another')
    expect(told).toContain(`${role}: ${what}; put right.`)
  expect(await drift()).toEqual([])
})

test('without a superuser it is told of, and left', async () => {
  await superuser('alter role freehold_worker set work_mem to 64')
  const { superuser: _, ...known } = urls
  const lines: string[] = []
  await prepareDatabase({ urls: known, secret: undefined, mayCreate: false }, { log: (line) => lines.push(line) })
  expect(lines).toEqual([
    'freehold_worker: it has the setting work_mem; a superuser has to run sql/bootstrap/roles.sql.',
  ])
  expect(await drift()).toHaveLength(1)
  await deploy()
  expect(await drift()).toEqual([])
})

test('nobody but a superuser stores large objects', async () => {
  for (const url of [urls.authenticator, urls.worker, urls.owner])
    await withClient(url, async (client) => {
      for (const call of [`lo_from_bytea(0, 'x')`, 'lo_creat(-1)', `pg_logical_emit_message(false, 'x', 'y')`])
        await expect(client.query(`select ${call}`)).rejects.toMatchObject({ code: '42501' })
    })
  expect((await superuser(`select lo_from_bytea(0, 'x') as oid`)).rows).toHaveLength(1)
})
