import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApi, type Answer, type Api } from './api.ts'

let api: Api
const limits = { maxDepth: 7, maxCost: 1500, maxSelections: 60, defaultPage: 5, maxPage: 8 }
beforeAll(async () => {
  api = await startApi({ limits, introspection: false, bodyMaxBytes: 200_000 })
  await api.database.superuser.query(
    `insert into app_public.projects (tenant_id, name, slug) select $1, 'p' || n, 'p-' || n from generate_series(1, 20) n`,
    [api.ids.tenants.acme],
  )
})
afterAll(() => api.close())

const code = ({ errors }: Answer) => errors?.[0]?.extensions.code

test('a connection yields the default page, and never more than the largest', async () => {
  const { data } = await api.ask(
    'alice',
    `query ($n: Int) {
    plain: projects { totalCount nodes { id } pageInfo { hasNextPage } } many: projects(first: 100) { nodes { id } }
    variable: projects(first: $n) { nodes { id } } last: projects(last: 100) { nodes { id } } few: projects(first: 2) { nodes { id } }
    none: projects(first: 0) { nodes { id } } negative: projects(first: -1) { nodes { id } }
  }`,
    { n: 1000 },
  )
  expect(data.plain.totalCount).toBe(21)
  expect(data.plain.pageInfo.hasNextPage).toBe(true)
  const sizes = Object.fromEntries(Object.entries<any>(data).map(([name, { nodes }]) => [name, nodes.length]))
  expect(sizes).toEqual({ plain: 5, many: 8, variable: 8, last: 8, few: 2, none: 0, negative: 0 })
})

test('cursors walk through everything once', async () => {
  const seen: string[] = []
  let after: string | null = null
  do {
    const { data }: Answer = await api.ask(
      'alice',
      'query ($after: Cursor) { projects(after: $after) { nodes { slug } pageInfo { hasNextPage endCursor } } }',
      { after },
    )
    seen.push(...data.projects.nodes.map((node: { slug: string }) => node.slug))
    after = data.projects.pageInfo.hasNextPage ? data.projects.pageInfo.endCursor : null
  } while (after !== null)
  expect(new Set(seen).size).toBe(21)
  expect(seen.length).toBe(21)
})

test('depth is refused, also behind fragments', async () => {
  const deep = 'project { deployments(first: 1) { nodes { project { deployments(first: 1) { nodes { id } } } } } }' // 9 in all
  expect(code(await api.ask('alice', `{ deployments(first: 1) { nodes { ${deep} } } }`))).toBe('QUERY_TOO_DEEP')
  expect(
    code(await api.ask('alice', `{ deployments(first: 1) { nodes { ...F } } } fragment F on Deployment { ${deep} }`)),
  ).toBe('QUERY_TOO_DEEP')
  const { data } = await api.ask('alice', '{ deployments(first: 1) { nodes { project { slug } } } }')
  expect(data.deployments.nodes).toEqual([{ project: { slug: 'shop' } }])
})

test('cost multiplies page sizes, counts aliases, and reads page sizes in variables', async () => {
  const nested = (size: string) =>
    `{ projects${size} { nodes { deployments${size} { nodes { logs${size} { nodes { id level source message } } } } } } }`
  expect(code(await api.ask('alice', nested('(first: 8)')))).toBe('QUERY_TOO_EXPENSIVE')
  const variable = nested('(first: $n)').replace('{', 'query ($n: Int = 8) {')
  expect((await api.ask('alice', variable, { n: 2 })).errors).toBeUndefined()
  // null asks for the default page, and saying nothing for the default of the variable.
  expect((await api.ask('alice', variable, { n: null })).errors).toBeUndefined()
  for (const n of [8, 1000, undefined])
    expect([n, code(await api.ask('alice', variable, { n }))]).toEqual([n, 'QUERY_TOO_EXPENSIVE'])
  expect((await api.ask('alice', nested('(first: 2)'))).errors).toBeUndefined()
  const aliases = Array.from(
    { length: 8 },
    (_, i) => `a${i}: projects { nodes { deployments { nodes { id version status ref } } } }`,
  ).join(' ')
  expect(code(await api.ask('alice', `{ ${aliases} }`))).toBe('QUERY_TOO_LARGE')
  const [one] = aliases.split(' a1:')
  expect((await api.ask('alice', `{ ${one} }`)).errors).toBeUndefined()
})

test('the size of a document is bounded before the costly rules of the specification run', async () => {
  expect(code(await api.ask('alice', `{ projects { ${'totalCount '.repeat(8000)} } }`))).toBe('QUERY_TOO_LARGE')
  expect(code(await api.ask('alice', `{ projects { ${'totalCount '.repeat(12_000)} } }`))).toBe('QUERY_TOO_LARGE')
  expect(
    code(
      await api.ask(
        'alice',
        `{ ...A } ${'ABCDEFGHIJKLMNOP'
          .split('')
          .map(
            (c, i, all) =>
              `fragment ${c} on Query { ${all[i + 1] ? `...${all[i + 1]} ...${all[i + 1]}` : 'currentUser { id }'} }`,
          )
          .join(' ')}`,
      ),
    ),
  ).toBe('QUERY_TOO_LARGE')
  expect(code(await api.ask('alice', '{a'.repeat(7000)))).toBe('QUERY_TOO_DEEP') // the parser runs out of stack
})

test('fragments in a circle are an error of validation, not an endless walk', async () => {
  expect(code(await api.ask('alice', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'))).toBe(
    'GRAPHQL_VALIDATION_FAILED',
  )
})

test('introspection can be switched off; __typename stays', async () => {
  expect(code(await api.ask('alice', '{ __schema { types { name } } }'))).toBe('INTROSPECTION_DISABLED')
  expect((await api.ask('alice', '{ __typename }')).data).toEqual({ __typename: 'Query' })
})

test('several operations in one body are not a batch', async () => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${api.token('alice')}` }
  const answer = await api.post('/graphql', {
    method: 'POST',
    headers,
    body: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
  })
  expect([answer.status, code(answer)]).toEqual([400, 'BAD_REQUEST'])
})

test('filters reach indexed columns with plain operators only', async () => {
  const { data } = await api.ask(
    'alice',
    '{ projects(filter: {slug: {in: ["shop", "p-3"]}}, orderBy: [SLUG_ASC]) { nodes { slug } } }',
  )
  expect(data.projects.nodes).toEqual([{ slug: 'p-3' }, { slug: 'shop' }])
  expect(code(await api.ask('alice', '{ projects(filter: {slug: {likeInsensitive: "%o%"}}) { totalCount } }'))).toBe(
    'GRAPHQL_VALIDATION_FAILED',
  )
  expect(code(await api.ask('alice', '{ projects(filter: {description: {equalTo: "x"}}) { totalCount } }'))).toBe(
    'GRAPHQL_VALIDATION_FAILED',
  )
})

describe('with persisted documents', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freehold-documents-'))
  let closed: Api
  beforeAll(async () => {
    writeFileSync(join(directory, 'projects1.graphql'), '{ projects { nodes { slug } } }')
    closed = await startApi({ persistedDocuments: directory })
  })
  afterAll(async () => {
    await closed.close()
    rmSync(directory, { recursive: true })
  })
  const send = (body: object) =>
    closed.post('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${closed.token('alice')}` },
      body: JSON.stringify(body),
    })

  test('a registered document runs and any other is refused', async () => {
    expect((await send({ documentId: 'projects1' })).data).toEqual({ projects: { nodes: [{ slug: 'shop' }] } })
    const { status, errors } = await send({ query: '{ projects { nodes { slug } } }' })
    expect([status, errors?.[0]?.extensions.code]).toEqual([400, 'DOCUMENT_NOT_PERSISTED'])
  })
})
