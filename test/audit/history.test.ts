import { jest } from '@jest/globals'
import { startApi, type Api, type Answer } from '../graphql/api.ts'
import type { PersonName } from '../support/people.ts'

// The first question builds the schema, which takes its time on a busy machine.
jest.setTimeout(30_000)

let api: Api

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const HISTORY = `query ($id: UUID!, $first: Int, $after: Cursor, $filter: ProjectVersionFilter) {
  project(id: $id) {
    history(first: $first, after: $after, filter: $filter) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { id action actor { username } actorName actorType diff snapshot createdAt requestId }
    }
  }
}`
const ask = async <T = any>(person: PersonName, query: string, variables: Record<string, unknown> = {}): Promise<T> => {
  const answer: Answer<T> = await api.ask<T>(person, query, variables)
  if (answer.errors)
    throw new Error(
      JSON.stringify([
        answer.errors,
        api
          .log()
          .filter((line) => line.err)
          .slice(-1),
      ]),
    )
  return answer.data!
}
const describe_ = (description: string) =>
  ask(
    'bob',
    'mutation ($id: UUID!, $d: String!) { updateProject(input: { id: $id, patch: { description: $d } }) { project { id } } }',
    { id: api.ids.projects.shop, d: description },
  )

test('the history of a project says who changed what, newest first, page by page', async () => {
  await describe_('one')
  await describe_('two')
  const {
    project: { history },
  } = await ask('alice', HISTORY, { id: api.ids.projects.shop, first: 2 })
  expect(history.nodes).toMatchObject([
    {
      action: 'UPDATE',
      actor: { username: 'bob' },
      actorName: null,
      actorType: 'USER',
      diff: { description: 'one' },
      snapshot: { description: 'two' },
    },
    { action: 'UPDATE', actor: { username: 'bob' }, diff: { description: '' }, snapshot: { description: 'one' } },
  ])
  expect(history.nodes[0].requestId).toEqual(expect.any(String))
  expect(history.pageInfo.hasNextPage).toBe(true)
  const rest = (
    await ask('alice', HISTORY, { id: api.ids.projects.shop, first: 100, after: history.pageInfo.endCursor })
  ).project.history
  expect(rest.nodes.length).toBe(history.totalCount - 2)
  expect(rest.nodes.at(-1)).toMatchObject({ action: 'INSERT', actor: null, diff: {}, snapshot: { name: 'shop' } })
  const byBob = (
    await ask('alice', HISTORY, {
      id: api.ids.projects.shop,
      filter: { userId: { equalTo: api.ids.users.bob }, action: { equalTo: 'UPDATE' } },
    })
  ).project.history
  expect(byBob.nodes).toHaveLength(2)
  const byRequest = (
    await ask('alice', HISTORY, {
      id: api.ids.projects.shop,
      filter: { requestId: { equalTo: history.nodes[0].requestId } },
    })
  ).project.history
  expect(byRequest.nodes).toHaveLength(1)
})

test('another tenant sees nothing of it, by whatever way', async () => {
  const query = `query ($id: UUID!, $at: Datetime!) {
    project(id: $id) { history { nodes { id } } }
    projectVersions(filter: { projectId: { equalTo: $id } }) { nodes { id } }
    projectAsOf(id: $id, at: $at) { name }
    projectsAsOf(at: $at) { nodes { name } }
    deploymentsAsOf(at: $at, projectId: $id) { nodes { id } }
  }`
  const variables = { id: api.ids.projects.shop, at: new Date().toISOString() }
  const seen = await ask('alice', query, variables)
  expect(seen.project.history.nodes.length).toBeGreaterThan(0)
  expect(seen.projectVersions.nodes.length).toBeGreaterThan(0)
  expect(seen.projectAsOf).toEqual({ name: 'shop' })
  expect(seen.projectsAsOf.nodes).toEqual([{ name: 'shop' }])
  expect(seen.deploymentsAsOf.nodes).toEqual([{ id: api.ids.deployments.shop }])
  expect(await ask('mallory', query, variables)).toEqual({
    project: null,
    projectVersions: { nodes: [] },
    projectAsOf: null,
    projectsAsOf: { nodes: [{ name: 'lair' }] },
    deploymentsAsOf: { nodes: [] },
  })
})

test('a deployment has its history, and that of a moment', async () => {
  const before = new Date().toISOString()
  const id = api.ids.deployments.shop
  await ask(
    'bob',
    'mutation ($id: UUID!) { cancelDeployment(input: { id: $id, reason: "no" }) { deployment { status } } }',
    { id },
  )
  const { deployment, deploymentAsOf } = await ask(
    'vera',
    `query ($id: UUID!, $at: Datetime!) {
    deployment(id: $id) { status history { nodes { action diff actor { username } deployment { id } } } }
    deploymentAsOf(id: $id, at: $at) { status commitHash project { name } }
  }`,
    { id, at: before },
  )
  expect(deployment.status).toBe('CANCELED')
  expect(deployment.history.nodes[0]).toMatchObject({
    action: 'UPDATE',
    diff: { status: 'pending' },
    actor: { username: 'bob' },
    deployment: { id },
  })
  expect(deploymentAsOf).toEqual({ status: 'PENDING', commitHash: 'abcdef1', project: { name: 'shop' } })
})

test('projects of a moment are those of that moment, with what is computed from them', async () => {
  await describe_('then')
  const at = (await api.database.superuser.query<{ at: string }>('select clock_timestamp()::text as at')).rows[0]!.at
  await describe_('now')
  const query =
    'query ($at: Datetime!) { projectsAsOf(at: $at, first: 10) { totalCount nodes { name description isDeleted } } projects { nodes { description } } }'
  const { projectsAsOf, projects } = await ask('vera', query, { at })
  expect(projectsAsOf).toEqual({ totalCount: 1, nodes: [{ name: 'shop', description: 'then', isDeleted: false }] })
  expect(projects.nodes).toEqual([{ description: 'now' }])
})

test("one's own account, members and tenant have histories", async () => {
  const mine = await ask(
    'vera',
    '{ currentUser { history { nodes { action user { username } snapshot } } } users { nodes { username history { totalCount } } } }',
  )
  expect(mine.currentUser.history.nodes[0]).toMatchObject({
    user: { username: 'vera' },
    snapshot: { email: 'vera@vera.test' },
  })
  const counts = Object.fromEntries(mine.users.nodes.map((user: any) => [user.username, user.history.totalCount > 0]))
  expect(counts).toEqual({ alice: false, bob: false, vera: true, bill: false })
  const members = '{ tenantMembers { nodes { user { username } history { nodes { action } } } } }'
  const seen = async (person: PersonName) =>
    Object.fromEntries(
      (await ask(person, members)).tenantMembers.nodes.map((node: any) => [
        node.user.username,
        node.history.nodes.length > 0,
      ]),
    )
  expect(await seen('alice')).toEqual({ alice: true, bob: true, vera: true, bill: true })
  expect(await seen('vera')).toEqual({ alice: false, bob: false, vera: true, bill: false })
  const { currentTenant } = await ask('alice', '{ currentTenant { slug history { nodes { action snapshot } } } }')
  expect(currentTenant.history.nodes.at(-1)).toMatchObject({ action: 'INSERT', snapshot: { slug: currentTenant.slug } })
})

test('the audit log is filtered by actor, action, resource and time', async () => {
  const { superuser } = api.database
  const {
    rows: [row],
  } = await superuser.query<{ at: string }>(
    `insert into app_public.audit_logs (tenant_id, action, user_id, resource_type, resource_id, details)
     values ($1, 'project.exported', $2, 'project', $3, '{"rows": 3}'), ($1, 'user.login', $4, null, null, '{}'), ($5, 'project.exported', $6, 'project', $7, '{}')
     returning created_at::text as at`,
    [
      api.ids.tenants.acme,
      api.ids.users.bob,
      api.ids.projects.shop,
      api.ids.users.vera,
      api.ids.tenants.evil,
      api.ids.users.mallory,
      api.ids.projects.lair,
    ],
  )
  const query =
    'query ($filter: AuditLogFilter) { auditLogs(filter: $filter, orderBy: CREATED_AT_DESC) { nodes { action userId resourceType resourceId details } } }'
  const logs = async (person: PersonName, filter: object) => (await ask(person, query, { filter })).auditLogs.nodes
  const exported = [
    {
      action: 'project.exported',
      userId: api.ids.users.bob,
      resourceType: 'project',
      resourceId: api.ids.projects.shop,
      details: { rows: 3 },
    },
  ]
  expect(
    await logs('alice', { userId: { equalTo: api.ids.users.bob }, action: { equalTo: 'project.exported' } }),
  ).toEqual(exported)
  expect(
    await logs('alice', { resourceType: { equalTo: 'project' }, resourceId: { equalTo: api.ids.projects.shop } }),
  ).toEqual(exported)
  expect(
    await logs('alice', { createdAt: { greaterThanOrEqualTo: row!.at }, action: { equalTo: 'project.exported' } }),
  ).toEqual(exported)
  expect(await logs('alice', { createdAt: { lessThan: row!.at }, action: { equalTo: 'project.exported' } })).toEqual([])
  expect((await logs('mallory', { action: { equalTo: 'project.exported' } })).map((log: any) => log.userId)).toEqual([
    api.ids.users.mallory,
  ])
  expect(
    (await logs('bob', { action: { in: ['project.exported', 'user.login'] } })).map((log: any) => log.userId),
  ).toEqual([api.ids.users.bob])
})

test('the history of a table that was emptied says so, with no row', async () => {
  await ask(
    'alice',
    'mutation ($id: UUID!, $user: UUID!) { createProjectMember(input: { projectMember: { projectId: $id, userId: $user, role: VIEWER } }) { projectMember { id } } }',
    { id: api.ids.projects.shop, user: api.ids.users.vera },
  )
  await api.database.superuser.query('truncate app_public.project_members')
  const { projectMemberVersions } = await ask(
    'vera',
    '{ projectMemberVersions(first: 2) { nodes { action projectMemberId snapshot actorName } } }',
  )
  expect(projectMemberVersions.nodes).toMatchObject([
    { action: 'TRUNCATE', projectMemberId: null, snapshot: {}, actorName: 'postgres' },
    { action: 'INSERT', projectMemberId: expect.any(String) },
  ])
})
