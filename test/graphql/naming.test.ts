import { buildSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType, type GraphQLField } from 'graphql'
import { startApi, type Api } from './api.ts'
import { printSchemaSDL } from '../../src/graphql/printSchema.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

test('a row is read by its id alone, and by a slug that is unique in its tenant', async () => {
  const { data } = await api.ask(
    'alice',
    'query ($id: UUID!) { project(id: $id) { slug } projectBySlug(slug: "shop") { id } }',
    { id: api.ids.projects.shop },
  )
  expect(data).toEqual({ project: { slug: 'shop' }, projectBySlug: { id: api.ids.projects.shop } })
})

test("another tenant's row does not exist, by id, slug or node id, though it is there", async () => {
  const { data: hers } = await api.ask('mallory', 'query ($id: UUID!) { project(id: $id) { slug nodeId } }', {
    id: api.ids.projects.lair,
  })
  expect(hers.project.slug).toBe('lair')
  const { data } = await api.ask(
    'alice',
    'query ($id: UUID!, $nodeId: ID!) { project(id: $id) { id } projectBySlug(slug: "lair") { id } node(nodeId: $nodeId) { nodeId } projects { nodes { slug } } }',
    { id: api.ids.projects.lair, nodeId: hers.project.nodeId },
  )
  expect(data).toEqual({ project: null, projectBySlug: null, node: null, projects: { nodes: [{ slug: 'shop' }] } })
})

test('relations are named after their columns, in both directions', async () => {
  const { data } = await api.ask(
    'bob',
    `query ($id: UUID!) {
    deployment(id: $id) { status project { slug deployments { totalCount nodes { id } } environments { nodes { name } } } logs { totalCount } }
  }`,
    { id: api.ids.deployments.shop },
  )
  expect(data.deployment).toMatchObject({
    status: 'PENDING',
    project: { slug: 'shop', deployments: { totalCount: 1, nodes: [{ id: api.ids.deployments.shop }] } },
    logs: { totalCount: 0 },
  })
})

test('a node id leads back to its row', async () => {
  const { data } = await api.ask('alice', '{ projectBySlug(slug: "shop") { nodeId } }')
  const again = await api.ask('alice', 'query ($nodeId: ID!) { node(nodeId: $nodeId) { ... on Project { slug } } }', {
    nodeId: data.projectBySlug.nodeId,
  })
  expect(again.data).toEqual({ node: { slug: 'shop' } })
})

test('a preview is asked as a query, though its function tries what it shows: nothing of it stays', async () => {
  const since = new Date().toISOString()
  const description = async () =>
    (await api.ask('alice', '{ projectBySlug(slug: "shop") { description } }')).data.projectBySlug.description
  await api.ask(
    'alice',
    'mutation ($id: UUID!) { updateProject(input: { id: $id, patch: { description: "on a whim" } }) { clientMutationId } }',
    { id: api.ids.projects.shop },
  )
  expect(await description()).toBe('on a whim')
  const { data, errors } = await api.ask(
    'alice',
    `query ($id: UUID!, $since: Datetime!) {
      previewRevert(actorUserId: $id, since: $since) { nodes { tableName action conflict } }
    }`,
    { id: api.ids.users.alice, since },
  )
  expect(errors).toBeUndefined()
  expect(data.previewRevert.nodes).toEqual([{ tableName: 'projects', action: 'UPDATE', conflict: null }])
  expect(await description()).toBe('on a whim')
})

describe('the schema as text', () => {
  let sdl: string
  beforeAll(async () => {
    sdl = await printSchemaSDL(api.database.urls.authenticator)
  })
  const body = (type: string) =>
    new RegExp(`^(?:type|input|enum) ${type}\\b[^{]*\\{$([\\s\\S]*?)^\\}`, 'm').exec(sdl)?.[1] ?? ''

  test('is the same each time', async () => {
    expect(await printSchemaSDL(api.database.urls.authenticator)).toBe(sdl)
  })

  test('names fields and arguments in camel case, types in Pascal case, values in capitals', () => {
    const types = Object.values(buildSchema(sdl).getTypeMap()).filter(({ name }) => !name.startsWith('__'))
    const fields = types.flatMap((type) =>
      isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)
        ? Object.values(type.getFields()).flatMap((field) => [
            [`${type.name}.${field.name}`, field.name],
            ...('args' in field
              ? (field as GraphQLField<unknown, unknown>).args.map((arg) => [
                  `${type.name}.${field.name}(${arg.name}:)`,
                  arg.name,
                ])
              : []),
          ])
        : [],
    )
    expect(fields.map(([path]) => path)).toEqual(
      expect.arrayContaining(['ProjectVersion.project', 'Query.node(nodeId:)']),
    )
    expect(fields.filter(([, name]) => !/^[a-z][A-Za-z0-9]*$/.test(name!)).map(([path]) => path)).toEqual([])
    expect(types.filter(({ name }) => !/^[A-Z][A-Za-z0-9]*$/.test(name))).toEqual([])
    const values = types.flatMap((type) => (isEnumType(type) ? type.getValues().map(({ name }) => name) : []))
    expect(values).toContain('ROLLED_BACK')
    expect(values.filter((name) => !/^[A-Z][A-Z0-9_]*$/.test(name))).toEqual([])
  })

  test('names the tenant nowhere but where a row may have none', () => {
    for (const type of [
      'Project',
      'ProjectFilter',
      'ProjectInput',
      'ProjectPatch',
      'ProjectOrderBy',
      'Deployment',
      'DeploymentLog',
      'Event',
    ]) {
      expect(body(type)).not.toBe('')
      expect(body(type)).not.toMatch(/tenantId|TENANT_ID/)
    }
    expect(sdl).not.toMatch(/\(.*tenantId: UUID!/)
  })

  test('changes rows by id only', () => {
    const mutations = body('Mutation')
    expect(mutations).toMatch(/updateProject\(/)
    expect(mutations).not.toMatch(/By(Slug|NodeId|Name)\(/)
    expect(body('UpdateProjectInput')).toMatch(/ id: UUID!/)
  })

  test('offers no mutation that nobody was granted', () => {
    expect(body('Mutation')).not.toMatch(
      /(create|update|delete)(DeploymentLog|Event|Deployment|User|Tenant)\(input: \w+Input/,
    )
  })

  test('orders a partitioned table by its indexes only', () => {
    expect(body('DeploymentLogOrderBy')).toMatch(/SEQUENCE_ASC/)
    expect(body('DeploymentLogOrderBy')).not.toMatch(/MESSAGE|LEVEL|DAEMON/)
    expect(body('DeploymentLogFilter')).not.toMatch(/message|daemon/)
  })

  test('promises what an answer has whenever there is one', () => {
    expect(body('LoginResult')).toMatch(/ token: String!$/m)
    expect(body('LoginResult')).toMatch(/ deviceToken: String!$/m)
    expect(body('ClaimedDeployment')).toMatch(/ leaseToken: String!$/m)
    expect(body('CreatedApiKey')).toMatch(/ token: String!$/m)
    // A key may have no end.
    expect(body('CreatedApiKey')).toMatch(/ expiresAt: Datetime$/m)
    expect(body('Confirmation')).toMatch(/ isDone: Boolean!$/m)
    // There may be nothing to claim.
    expect(body('ClaimDeploymentPayload')).toMatch(/ result: ClaimedDeployment$/m)
  })

  test('writes enums in capitals, int8 as BigInt, json as JSON', () => {
    expect(body('DeploymentStatus')).toMatch(/ROLLED_BACK/)
    expect(body('DeploymentLog')).toMatch(/sequence: BigInt!/)
    expect(body('Project')).toMatch(/totalSizeBytes: BigInt!/)
    expect(body('User')).toMatch(/preferences: JSON\b/)
  })
})

test('fields of a user that are their own are null for others', async () => {
  const fields = 'username isPremium subscriptionTier preferences settings defaultTenant { slug }'
  const own = await api.ask('alice', `{ currentUser { ${fields} } }`)
  expect(own.data.currentUser).toEqual({
    username: 'alice',
    isPremium: false,
    subscriptionTier: 'FREE',
    preferences: {},
    settings: {},
    defaultTenant: { slug: 'acme' },
  })
  await api.database.superuser.query(`update app_public.tenants set plan = 'pro' where slug = 'acme'`)
  const paid = await api.ask('alice', '{ currentUser { isPremium subscriptionTier } }')
  expect(paid.data.currentUser).toEqual({ isPremium: true, subscriptionTier: 'PRO' })
  const { data } = await api.ask('bob', `query ($id: UUID!) { user(id: $id) { ${fields} } }`, {
    id: api.ids.users.alice,
  })
  expect(data.user).toEqual({
    username: 'alice',
    isPremium: false,
    subscriptionTier: null,
    preferences: null,
    settings: null,
    defaultTenant: null,
  })
})
