import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getIntrospectionQuery } from 'postgraphile/graphql'
import { startApi, type Answer, type Api } from './api.ts'
import type { PersonName } from '../support/people.ts'

type Variables = Record<string, unknown>
interface Hostile {
  query: string
  variables?: Variables
  code: string
}

const times = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n)).join(' ')
const doubling = (levels: number, leaf: string) =>
  `{ projects { ...F0 } } ${times(levels, (n) => `fragment F${n} on ProjectsConnection { ${n + 1 < levels ? `...F${n + 1} ...F${n + 1}` : leaf} }`)}`
const merging = (depth: number): string => (depth === 0 ? 'id' : `node { ${merging(depth - 1)} } `.repeat(2))
const FILTER = 'query ($f: ProjectFilter) { projects(filter: $f) { totalCount } }'
const nested = (levels: number): object => {
  let inner: object = {}
  for (let n = 0; n < levels; n++) inner = { not: inner }
  return inner
}
const PAGES =
  'query ($n: Int) { projects(first: $n) { nodes { deployments(first: $n) { nodes { logs(first: $n) { nodes { id } } } } } } }'
const CHANGED = 'subscription { deploymentChanged { eventId } }'

/** What is refused for what it asks, whichever way it comes. */
const hostile: Record<string, Hostile> = {
  'fragments that double, 24 levels': { query: doubling(24, 'totalCount'), code: 'QUERY_TOO_LARGE' },
  'fragments that double, 140 levels': { query: doubling(140, 'nodes { id }'), code: 'QUERY_TOO_LARGE' },
  '900 aliases of __schema': {
    query: `{ ${times(900, (n) => `a${n}: __schema { types { name } }`)} }`,
    code: 'QUERY_TOO_LARGE',
  },
  'introspection beside other fields': {
    query: '{ __schema { types { name } } currentUser { id } }',
    code: 'QUERY_TOO_LARGE',
  },
  'introspection of the same under many names': {
    query: `{ __schema { types { fields { ${Array.from({ length: 400 }, (_, index) => `a${index}: description`).join(' ')} } } } }`,
    code: 'QUERY_TOO_LARGE',
  },
  'introspection of the same by fragments under two names': {
    query:
      '{ __schema { ...a types { name } } } fragment a on __Schema { ...b } fragment b on __Schema { all: types { name } }',
    code: 'QUERY_TOO_LARGE',
  },
  'introspection in circles': {
    query: `{ __schema { types { ${'fields { type { '.repeat(10)} name ${'} }'.repeat(10)} } } }`,
    code: 'QUERY_TOO_DEEP',
  },
  '120 aliases of node': {
    query: `{ ${times(120, (n) => `a${n}: node(nodeId: "x") { nodeId }`)} }`,
    code: 'QUERY_TOO_LARGE',
  },
  '4 aliases of node': {
    query: `{ ${times(4, (n) => `a${n}: node(nodeId: "x") { nodeId }`)} }`,
    code: 'QUERY_TOO_EXPENSIVE',
  },
  '330 root fields': { query: `{ ${times(330, (n) => `a${n}: projects { totalCount }`)} }`, code: 'QUERY_TOO_LARGE' },
  'root fields behind fragments': {
    query: `{ ...A ...B } fragment A on Query { ${times(15, (n) => `a${n}: currentUser { id }`)} } fragment B on Query { ${times(15, (n) => `b${n}: currentUser { id }`)} }`,
    code: 'QUERY_TOO_LARGE',
  },
  '25 connections': {
    query: `{ ${times(25, (n) => `a${n}: projects(first: 1) { nodes { id } }`)} }`,
    code: 'QUERY_TOO_EXPENSIVE',
  },
  'fields 30 deep': { query: `${'{ projects { nodes '.repeat(15)}{ id }${'} }'.repeat(15)}`, code: 'QUERY_TOO_DEEP' },
  'inline fragments 2 000 deep': {
    query: `${'{ ... '.repeat(2000)}{ __typename }${'}'.repeat(2000)}`,
    code: 'QUERY_TOO_DEEP',
  },
  'a list literal 400 deep': {
    query: `{ projects(filter: ${'['.repeat(400)}${']'.repeat(400)}) { totalCount } }`,
    code: 'INPUT_TOO_LARGE',
  },
  'a document over 64 KiB': { query: `{ __typename } #${'x'.repeat(65_536)}`, code: 'QUERY_TOO_LARGE' },
  'a document over 64 KiB in bytes, not characters': {
    query: `{ __typename } #${'ä'.repeat(40_000)}`,
    code: 'QUERY_TOO_LARGE',
  },
  'many operations': { query: times(21, (n) => `query Q${n} { __typename }`), code: 'QUERY_TOO_LARGE' },
  'many fragments': {
    query: `{ ${times(151, (n) => `...F${n}`)} } ${times(151, (n) => `fragment F${n} on Query { __typename }`)}`,
    code: 'QUERY_TOO_LARGE',
  },
  'many variables': { query: `query (${times(101, (n) => `$v${n}: Int`)}) { __typename }`, code: 'QUERY_TOO_LARGE' },
  'many directives': { query: `{ __typename ${'@include(if: true) '.repeat(301)} }`, code: 'QUERY_TOO_LARGE' },
  'fields that merge with all others': {
    query: `{ projects { ${'totalCount '.repeat(200)} } }`,
    code: 'QUERY_TOO_LARGE',
  },
  'fields that merge in pairs of pairs': { query: `{ projects { edges { ${merging(8)} } } }`, code: 'QUERY_TOO_LARGE' },
  'a filter of 20 000 alternatives': {
    query: FILTER,
    variables: { f: { or: Array.from({ length: 2000 }, () => ({ name: { equalTo: 'x' } })) } },
    code: 'QUERY_TOO_EXPENSIVE',
  },
  'a filter that says not 100 times': { query: FILTER, variables: { f: nested(100) }, code: 'INPUT_TOO_LARGE' },
  'one filter in many places': {
    query: `query ($f: ProjectFilter) { ${times(10, (n) => `a${n}: projects(filter: $f) { totalCount }`)} }`,
    variables: { f: { or: Array.from({ length: 20 }, () => ({ name: { equalTo: 'x' } })) } },
    code: 'QUERY_TOO_EXPENSIVE',
  },
  'a filter in the document': {
    query: `{ projects(filter: { or: [${times(101, () => '{ name: { equalTo: "x" } }')}] }) { totalCount } }`,
    code: 'QUERY_TOO_EXPENSIVE',
  },
  'orders by the hundred': {
    query: 'query ($o: [ProjectOrderBy!]) { projects(orderBy: $o) { totalCount } }',
    variables: { o: Array(200).fill('NAME_ASC') },
    code: 'QUERY_TOO_EXPENSIVE',
  },
  'a list of 20 000 values': {
    query: FILTER,
    variables: { f: { name: { in: Array(10_001).fill('x') } } },
    code: 'INPUT_TOO_LARGE',
  },
  'fields that an input does not have': {
    query: FILTER,
    variables: { f: { nothing: { x: 1 } } },
    code: 'BAD_USER_INPUT',
  },
  'large pages in variables': { query: PAGES, variables: { n: 100 }, code: 'QUERY_TOO_EXPENSIVE' },
  'large pages in the default of a variable': {
    query: PAGES.replace('$n: Int', '$n: Int = 100'),
    code: 'QUERY_TOO_EXPENSIVE',
  },
}

const codeOf = ({ errors }: Pick<Answer, 'errors'>) => errors?.[0]?.extensions.code

describe('what is refused for what it asks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'freehold-hostile-'))
  let [api, persisted]: (Api | undefined)[] = []
  beforeAll(async () => {
    for (const [index, { query }] of Object.values(hostile).entries())
      writeFileSync(join(directory, `h${index}.graphql`), query)
    writeFileSync(join(directory, 'good.graphql'), PAGES)
    api = await startApi()
  })
  beforeAll(async () => {
    persisted = await startApi({ persistedDocuments: directory })
  })
  afterAll(async () => {
    await api?.close()
    await persisted?.close()
    rmSync(directory, { recursive: true })
  })

  /** Runs an operation over a websocket; an error of the operation and one of its result look alike to the caller. */
  const overSocket = (of: Api, payload: object) =>
    new Promise<Pick<Answer, 'errors' | 'data'>>((resolve, reject) => {
      of.socket('alice').subscribe(payload as never, {
        next: (result) => resolve(result as never),
        error: (errors) => (Array.isArray(errors) ? resolve({ errors }) : reject(errors as Error)),
        complete: () => {},
      })
    })
  const postPersisted = (documentId: string, variables?: Variables) =>
    persisted!.post('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${persisted!.token('alice')}` },
      body: JSON.stringify({ documentId, variables }),
    })

  test.each(Object.entries(hostile))(
    '%s: by POST, over a socket, persisted',
    async (name, { query, variables, code }) => {
      const index = Object.keys(hostile).indexOf(name)
      expect({
        post: codeOf(await api!.ask('alice', query, variables)),
        socket: codeOf(await overSocket(api!, { query, variables })),
        persisted: codeOf(await postPersisted(`h${index}`, variables)),
        'persisted, over a socket': codeOf(
          await overSocket(persisted!, { query: '', documentId: `h${index}`, variables }),
        ),
      }).toEqual({ post: code, socket: code, persisted: code, 'persisted, over a socket': code })
    },
  )

  test('the same ways lead to an answer for what is in bounds', async () => {
    const variables = { n: 3 }
    const answers = [
      await api!.ask('alice', PAGES, variables),
      await overSocket(api!, { query: PAGES, variables }),
      await postPersisted('good', variables),
      await overSocket(persisted!, { query: '', documentId: 'good', variables }),
    ]
    for (const { data, errors } of answers) expect([data?.projects.nodes.length, errors]).toEqual([1, undefined])
  })

  test("GraphiQL's path runs nothing", async () => {
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`${api!.url}/graphiql?query={__typename}`, {
        method,
        ...(method === 'POST' && {
          headers: { 'content-type': 'application/json' },
          body: '{"query":"{ __typename }"}',
        }),
      })
      expect(await response.text()).not.toMatch(/"__typename":\s*"Query"/)
    }
  })

  test('a filter nested deeper than a body may be is refused before it is parsed, as are too many values', async () => {
    const send = (variables: string) =>
      api!.post('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${api!.token('alice')}` },
        body: `{"query":${JSON.stringify(FILTER)},"variables":${variables}}`,
      })
    for (const variables of [
      `{"f":${'{"not":'.repeat(20_000)}{}${'}'.repeat(20_000)}}`,
      `{"f":${'['.repeat(300_000)}${']'.repeat(300_000)}}`,
      `{"f":{"name":{"in":[${'"x",'.repeat(60_000)}"x"]}}}`,
    ]) {
      const answer = await send(variables)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'INPUT_TOO_LARGE'])
    }
    // Brackets in a text are no nesting.
    expect((await send(`{"f":{"name":{"equalTo":"\\"${'['.repeat(1000)}\\\\"}}}`)).data).toEqual({
      projects: { totalCount: 0 },
    })
  })

  test('a subscription by POST is refused at once, names the websocket, and listens to nothing', async () => {
    const heard = () => api!.log().filter(({ msg }) => msg === 'listening').length
    const before = heard()
    const answer = await api!.ask('alice', CHANGED)
    expect(answer.errors).toMatchObject([
      { message: expect.stringContaining('websocket at /graphql'), extensions: { code: 'SUBSCRIPTION_NEEDS_SOCKET' } },
    ])
    expect(heard()).toBe(before)
  })

  test('a body that is no request of GraphQL is refused with a code', async () => {
    for (const body of [
      { query: '{ __typename }', operationName: 1 },
      { query: '{ __typename }', operationName: 'x'.repeat(1000) },
      { query: '{ __typename }', variables: [1] },
      { query: '{ __typename }', variables: 'x' },
      { query: '{ __typename }', extensions: 'x' },
      { query: '{ __typename }', onError: 'x' },
    ]) {
      const answer = await api!.post('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'BAD_REQUEST'])
    }
  })

  test('introspection of every standard kind passes, is the same for all, and may be asked for twice', async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    })
    const [first, again] = [await api!.ask('alice', query), await api!.ask('bob', query)]
    expect([first.errors, first.data.__schema.types.length > 100]).toEqual([undefined, true])
    expect(again.data).toEqual(first.data)
    expect((await overSocket(api!, { query })).data).toEqual(first.data)
    // GraphiQL is served here, so its page may ask before anybody signs in.
    expect((await api!.ask(null, query)).data).toEqual(first.data)
  })
})

describe('who is nobody', () => {
  let api: Api
  beforeAll(async () => {
    api = await startApi({ graphiql: false })
  })
  afterAll(() => api.close())

  test('may ask for what is granted to app_anonymous, and gets no further with anything else', async () => {
    const { data } = await api.ask('alice', '{ __schema { types { name fields { name } } } }')
    const fieldsOf = (type: string): { name: string }[] =>
      data.__schema.types.find(({ name }: { name: string }) => name === type).fields
    const allowed: string[] = []
    let asked = 0
    for (const [type, keyword] of [
      ['Query', 'query'],
      ['Mutation', 'mutation'],
    ] as const) {
      for (const { name } of fieldsOf(type)) {
        asked++
        const { errors } = await api.ask(null, `${keyword} { ${name} { nothingOfThatName } }`)
        if (errors?.[0]?.extensions.code !== 'UNAUTHENTICATED') allowed.push(name)
      }
    }
    const { rows } = await api.database.superuser.query<{ name: string }>(
      `select proname as name from pg_proc
       where pronamespace = 'app_public'::regnamespace and has_function_privilege('app_anonymous', oid, 'execute')`,
    )
    const camel = (name: string) => name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase())
    expect(allowed.sort()).toEqual(rows.map(({ name }) => camel(name)).sort())
    expect(allowed.length).toBeGreaterThan(4)
    expect(asked).toBeGreaterThan(100)
  })

  test('is refused before validation and planning, and not when signed in', async () => {
    const query = '{ projects { nothingOfThatName } }'
    expect(await api.ask(null, query)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    expect(codeOf(await api.ask('alice', query))).toBe('GRAPHQL_VALIDATION_FAILED')
  })

  test('may not introspect where GraphiQL is not served', async () => {
    const query = '{ __schema { queryType { name } } }'
    expect(codeOf(await api.ask(null, query))).toBe('UNAUTHENTICATED')
    expect((await api.ask('alice', query)).data).toEqual({ __schema: { queryType: { name: 'Query' } } })
    expect((await api.ask(null, '{ __typename currentUser { id } }')).data).toEqual({
      __typename: 'Query',
      currentUser: null,
    })
  })

  test('gets a quarter of what others may send, and short bodies', async () => {
    const query = `{ ${times(7, (n) => `a${n}: currentUser { id }`)} }`
    expect(codeOf(await api.ask(null, query))).toBe('UNAUTHENTICATED')
    expect((await api.ask('alice', query)).errors).toBeUndefined()
    const long = `{ currentUser { id } } #${'x'.repeat(140_000)}`
    expect([(await api.ask(null, long)).status, codeOf(await api.ask('alice', long))]).toEqual([413, 'QUERY_TOO_LARGE'])
  })
})

test('an answer has a largest size', async () => {
  const api = await startApi({ limits: { maxAnswerSize: 2000 } })
  try {
    const ask = (n: number) =>
      api.ask('alice', `{ projects { nodes { ${times(n, (i) => `a${i}_${'x'.repeat(90)}: id`)} } } }`)
    expect((await ask(5)).errors).toBeUndefined()
    const { data, errors } = await ask(30)
    expect([data, codeOf({ errors: errors! })]).toEqual([undefined, 'ANSWER_TOO_LARGE'])
  } finally {
    await api.close()
  }
})

test('who sends ever new documents is slowed down, with known ones and alone', async () => {
  const api = await startApi({ limits: { planningPerMinute: 300 } })
  try {
    const ask = (person: PersonName, n: number) => api.ask(person, `{ currentUser { a${n}: username } }`)
    let refused: Answer | undefined
    let n = 0
    for (; n < 60 && !refused; n++) {
      const answer = await ask('alice', n)
      if (answer.errors) refused = answer
    }
    expect(codeOf(refused!)).toBe('RATE_LIMITED')
    expect(n).toBeGreaterThan(3)
    expect((await ask('alice', 0)).data).toEqual({ currentUser: { a0: 'alice' } })
    expect((await ask('bob', 1000)).data).toEqual({ currentUser: { a1000: 'bob' } })
  } finally {
    await api.close()
  }
})

test('who hangs up while waiting for a turn costs nobody anything', async () => {
  const api = await startApi({ limits: { planningPerMinute: 300 } })
  try {
    const hangUp = new AbortController()
    const crowd = Array.from({ length: 45 }, (_, n) =>
      api.post('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${api.token('bob')}` },
        body: JSON.stringify({ query: `{ currentUser { a${n}: username } }` }),
        signal: hangUp.signal,
      }),
    )
    await Promise.race(crowd)
    hangUp.abort()
    await Promise.allSettled(crowd)
    // The line is served in its order: these come after all of it, and would find the allowance used up.
    for (const n of [1001, 1002, 1003])
      expect(await api.ask('bob', `{ currentUser { a${n}: username } }`)).toMatchObject({
        data: { currentUser: { [`a${n}`]: 'bob' } },
      })
  } finally {
    await api.close()
  }
})
