import { buildSchema, GraphQLError, parse, visit } from 'postgraphile/graphql'
import { DEFAULT_LIMITS as LIMITS } from '../../src/limits.ts'
import { makeLogger } from '../../src/log.ts'
import { makeMaskError } from '../../src/graphql/plugins/ErrorsPlugin.ts'
import { makeAllowances } from '../../src/graphql/limits/allowances.ts'
import { sizeOf } from '../../src/graphql/limits/answers.ts'
import { makeDocuments } from '../../src/graphql/limits/documents.ts'
import { measureDocument, priceOf } from '../../src/graphql/limits/measureDocument.ts'
import { measureVariables } from '../../src/graphql/limits/measureInput.ts'
import { networkOf } from '../../src/graphql/limits/networkOf.ts'
import { makeTurns } from '../../src/graphql/limits/turns.ts'
import { makeTally } from '../../src/server/tally.ts'

const schema = buildSchema(`
  type Query { things(first: Int, last: Int, filter: ThingFilter): Things node(id: ID): Node }
  type Things { nodes: [Thing] totalCount: Int }
  interface Node { id: ID }
  type Thing implements Node { id: ID things(first: Int): Things }
  type Other implements Node { id: ID }
  input ThingFilter { id: ID and: [ThingFilter!] data: Data }
  scalar Data
`)
const wide = { ...LIMITS, maxSelections: Infinity, maxPlanning: Infinity, maxRootFields: Infinity, maxCost: Infinity }
const measure = (text: string, limits = LIMITS) => measureDocument(parse(text), schema, limits)
const times = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n)).join(' ')

describe('measuring', () => {
  const doubling = (levels: number) =>
    `{ things { ...F0 } } ${times(levels, (n) => `fragment F${n} on Things { ${n + 1 < levels ? `...F${n + 1} ...F${n + 1}` : 'totalCount'} }`)}`

  test('looks at every selection once, however often it is spread', () => {
    const reads = [10, 20, 40, 80].map((levels) => {
      const document = parse(doubling(levels))
      let count = 0
      visit(document, {
        SelectionSet(node) {
          const { selections } = node
          Object.defineProperty(node, 'selections', { get: () => (count++, selections) })
        },
      })
      count = 0
      expect(() => measureDocument(document, schema, LIMITS)).toThrow(/more than 1000 selections/)
      return count
    })
    // The operation, its field, and each fragment.
    expect(reads).toEqual([12, 22, 42, 82])
  })

  test('counts fragments where they are spread, and sees through circles', () => {
    expect(() => measure(doubling(24))).toThrow(/selections/)
    expect(measure(doubling(5)).selections).toBe(2 + 2 + 4 + 8 + 16 + 16)
    expect(measure('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }').operations).toHaveLength(1)
  })

  test('prices pages by what is written and by what variables say, whatever is spread in between', () => {
    const price = (text: string, size?: number) => priceOf(measure(text, wide).operations[0]!.price, () => size, LIMITS)
    expect(price('{ things(first: 10) { nodes { id } } }')).toBe(1 + 10 * 2)
    expect(price('{ things { nodes { id } } }')).toBe(1 + 50 * 2)
    expect(price('{ things { totalCount } }')).toBe(2)
    expect(price('{ things(first: 1000) { nodes { id } } }')).toBe(1 + 100 * 2)
    expect(price('query ($n: Int) { things(first: $n) { nodes { id } } }', 3)).toBe(1 + 3 * 2)
    expect(price('query ($n: Int) { things(last: $n) { nodes { id } } }')).toBe(1 + 50 * 2)
    const nested =
      'query ($n: Int) { ...A } fragment A on Query { things(first: 2) { ...B } } fragment B on Things { nodes { things(first: $n) { nodes { id } } } }'
    expect(price(nested, 3)).toBe(1 + 2 * (1 + 1 + 3 * 2))
    expect(price('query ($n: Int) { ...A ...A } fragment A on Query { things(first: $n) { nodes { id } } }', 3)).toBe(
      2 * 7,
    )
  })

  test('takes an interface for all its types', () => {
    const planning = (text: string) => measure(text).operations[0]!.planning
    expect(planning('{ node { id } }')).toBeGreaterThan(2)
    expect(planning('{ node { id } }')).toBeLessThan(planning('{ a: node { id } b: node { id } }'))
  })

  test('counts the conditions of filters, in JSON the values only, and stops where it is too much', () => {
    const { operation } = measure('query ($f: ThingFilter, $d: Data) { things(filter: $f) { totalCount } }')
      .operations[0]!
    const count = (variables: Record<string, unknown>, limits = LIMITS) =>
      measureVariables(variables, operation, schema, limits)
    expect(count({ f: { and: [{ id: 1 }, { id: 2 }] } })).toMatchObject({ conditions: 3 })
    expect(count({ d: { and: [{ id: 1 }, { id: 2 }] } })).toEqual({ conditions: 0, values: 6 })
    expect(() => count({ d: Array(20_000).fill(1) })).toThrow(/10000 values/)
    expect(() => count({ d: JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown })).toThrow(/32 deep/)
    expect(() => count({ f: { nothing: 1 } })).toThrow(/no field of that name/)
  })
})

describe('documents that are kept', () => {
  test("one caller's do not push out another's", () => {
    const documents = makeDocuments(schema, { limits: LIMITS, hideSuggestions: false })
    const mine = '{ node { id } }'
    documents.read(mine, 'me')
    const long = 'x'.repeat(60_000)
    for (let n = 0; n < 300; n++) documents.read(`{ node { id } } # ${long} ${n}`, 'them')
    expect(
      [mine, `{ node { id } } # ${long} 0`, `{ node { id } } # ${long} 299`].map((text) => documents.isRead(text)),
    ).toEqual([true, false, true])
  })

  test('are few enough for their plans, however short they are', () => {
    const documents = makeDocuments(schema, { limits: LIMITS, hideSuggestions: false })
    const text = (n: number) => `{ a: things { nodes { id } } b: things { nodes { id } } } # ${n}`
    for (let n = 0; n < 2000; n++) documents.read(text(n), 'me')
    const kept = Array.from({ length: 2000 }, (_, n) => documents.isRead(text(n))).filter(Boolean).length
    expect(kept).toBeGreaterThan(50)
    expect(kept).toBeLessThan(200)
  })

  test('are parsed once', () => {
    const documents = makeDocuments(schema, { limits: LIMITS, hideSuggestions: false })
    expect(documents.read('{ node { id } }', 'me').document).toBe(documents.read('{ node { id } }', 'them').document)
    expect(documents.validate('{ node { it } }', 'me')[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(documents.read('{ node', 'me').errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED')
  })
})

test('an allowance is used up, and comes back with time', () => {
  let now = 0
  const allowances = makeAllowances(600, () => now)
  allowances.take('a', 100)
  expect([allowances.has('a'), allowances.has('b')]).toEqual([false, true])
  now += 3000
  expect(allowances.has('a')).toBe(false)
  now += 2000
  expect(allowances.has('a')).toBe(true)
})

test('callers take turns, and one who has much to do waits for nobody but themselves', async () => {
  const turns = makeTurns()
  const order: string[] = []
  const work = (caller: string) => turns.take(caller)!.then(() => order.push(caller))
  await Promise.all([...Array.from({ length: 5 }, () => work('a')), work('b')])
  expect(order.indexOf('b')).toBe(1)
  expect(order).toHaveLength(6)
  const short = makeTurns({ length: 2 })
  const waiting = [short.take('a')!, short.take('a')!]
  expect([short.take('a'), short.take('b') === undefined]).toEqual([undefined, false])
  await Promise.all(waiting)
})

test('what is held is counted by name, and given back once', () => {
  const tally = makeTally(2)
  const [one] = [tally.take(['a', 'net']), tally.take(['b', 'net'])]
  expect([tally.isFull(['a']), tally.isFull(['c', 'net'])]).toEqual([false, true])
  one()
  one()
  expect(tally.isFull(['net'])).toBe(false)
  tally.take(['net'])
  expect(tally.isFull(['net'])).toBe(true)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:1:2::1', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('the size of an answer is counted no further than it has to be', () => {
  expect(sizeOf({ a: ['x'.repeat(10), 1, null] }, 1000)).toBe(5 + 12 + 4 + 4)
  let reads = 0
  const list = new Proxy(Array(1000).fill('x'.repeat(100)), {
    get(target, key) {
      reads++
      return Reflect.get(target, key) as unknown
    },
  })
  expect(sizeOf({ list }, 100)).toBeGreaterThan(100)
  expect(reads).toBeGreaterThan(0)
})

describe('the mask', () => {
  const lines: string[] = []
  const mask = makeMaskError(
    makeLogger({ level: 'error', destination: { write: (line: string) => void lines.push(line) } as never }),
  )
  const bare = Object.assign(new GraphQLError('bare'), {})
  Object.defineProperty(bare, 'extensions', { value: undefined })
  const treacherous = new Proxy(new Error('secret'), {
    get() {
      throw new Error('secret')
    },
    getPrototypeOf() {
      throw new Error('secret')
    },
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'secret'],
    ['a number', 42],
    ['an object', { message: 'secret' }],
    ['an object of nothing', Object.create(null)],
    ['an error', new Error('secret')],
    ['a RangeError', new RangeError('secret')],
    ['an error without a message', Object.assign(new Error(), { message: undefined })],
    ['an error around a text', new GraphQLError('secret', { originalError: 'secret' as never })],
    ['an error around an error', new GraphQLError('secret', { originalError: new Error('secret') })],
    ['an error that throws when it is looked at', treacherous],
  ])('%s becomes INTERNAL', (_what, thrown) => {
    const { message, extensions } = mask(thrown as GraphQLError)
    expect([message, extensions.code]).toEqual(['Something went wrong on our side.', 'INTERNAL'])
    expect(lines.some((line) => line.includes(String(extensions.errorId)))).toBe(true)
  })

  test('an error of GraphQL without extensions has a code', () => {
    expect(mask(bare).extensions.code).toBe('BAD_USER_INPUT')
  })

  test('a message that repeats what the client sent is cut', () => {
    expect(mask(new GraphQLError('x'.repeat(100_000))).message.length).toBeLessThan(3000)
  })
})
