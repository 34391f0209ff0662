import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { compactDecrypt, CompactEncrypt } from 'jose'
import type { Keyring } from '../../../../src/config.ts'
import { createPool } from '../../../../src/db/pools.ts'
import { testDatabase, TEST_KEYRING, type TestDatabase } from '../../../support/database.ts'
import { loop } from '../../../support/loops.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const seal = async (text: string | null): Promise<string> =>
  (await database.superuser.query('select app_private.seal($1) as sealed', [text])).rows[0].sealed
const unseal = async (sealed: string | null): Promise<string | null> =>
  (await database.worker.query('select app_private.unseal($1) as text', [sealed])).rows[0].text
/** A text of any characters but NUL, which PostgreSQL has no place for. */
const text = fc
  .string({ unit: 'binary', maxLength: 300 })
  .map((value) => value.replaceAll('\0', '·'))
  .filter((value) => value.isWellFormed())
/** The key that is derived from a master key of the ring. */
const derived = (master: string) =>
  createHmac('sha512', Buffer.from(master, 'base64')).update('freehold seal 1').digest()

async function withRing<T>(
  ring: Keyring | undefined,
  fn: (query: (sql: string, value: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  const pool = createPool(database.urls.superuser, {
    name: 'freehold-test-ring',
    size: 1,
    ...(ring && { keyring: ring }),
  })
  try {
    return await fn(async (sql, value) => (await pool.query(`select ${sql} as value`, [value])).rows[0].value)
  } finally {
    await pool.end()
  }
}

loop('what is sealed opens again, and looks like nothing', { short: 100, full: 5000, of: 'texts' }, async (count) => {
  await fc.assert(
    fc.asyncProperty(text, async (plain) => {
      const sealed = await seal(plain)
      expect(sealed).toMatch(/^[\w-]+\.\.[\w-]{22}\.[\w-]+\.[\w-]{43}$/)
      if (plain.length > 3) expect(sealed).not.toContain(plain)
      expect(await unseal(sealed)).toBe(plain)
    }),
    { numRuns: count },
  )
  expect(await unseal(null)).toBeNull()
})

test('the same text is never sealed the same', async () => {
  expect(new Set(await Promise.all(Array.from({ length: 20 }, () => seal('secret')))).size).toBe(20)
})

loop('any change of a sealed value is found', { short: 100, full: 1000, of: 'changes' }, async (count) => {
  const sealed = await seal('the quick brown fox jumps over the lazy dog')
  const part = (index: number) => sealed.split('.')[index]!
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 2, 3, 4),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (index, at, mask) => {
        const bytes = Buffer.from(part(index), 'base64url')
        bytes[at % bytes.length]! ^= mask
        const altered = sealed
          .split('.')
          .map((each, i) => (i === index ? bytes.toString('base64url') : each))
          .join('.')
        await expect(unseal(altered)).rejects.toThrow()
      },
    ),
    { numRuns: count },
  )
  for (const broken of [
    '',
    'x',
    '....',
    sealed.slice(0, -1),
    sealed.split('.').slice(0, 4).join('.'),
    [part(0), '', part(3), part(2), part(4)].join('.'),
  ]) {
    await expect(unseal(broken)).rejects.toThrow()
  }
  expect(await unseal(sealed)).toBe('the quick brown fox jumps over the lazy dog')
})

test('a key that is not in the ring opens and seals nothing', async () => {
  const sealed = await seal('secret')
  const other: Keyring = { current: 'k2', keys: { k2: randomBytes(32).toString('base64') } }
  await withRing(other, (query) => expect(query('app_private.unseal($1)', sealed)).rejects.toThrow(/has no key k1/))
  // Nor does another key by the same name.
  await withRing({ current: 'k1', keys: { k1: randomBytes(32).toString('base64') } }, (query) =>
    expect(query('app_private.unseal($1)', sealed)).rejects.toThrow(/altered/),
  )
  await withRing({ current: 'k9', keys: {} }, (query) =>
    expect(query('app_private.seal($1)', 'x')).rejects.toThrow(/has no key k9/),
  )
  await withRing(undefined, (query) =>
    expect(query('app_private.seal($1)', 'x')).rejects.toThrow(/has no key \(none\)/),
  )
  expect(await unseal(sealed)).toBe('secret')
})

test('keys rotate: the new one seals, the old one still opens', async () => {
  const old = await seal('secret')
  const keys = { ...TEST_KEYRING.keys, k2: randomBytes(32).toString('base64') }
  await withRing({ current: 'k2', keys }, async (query) => {
    expect(await query('app_private.unseal($1)', old)).toBe('secret')
    const next = await query('app_private.seal($1)', 'secret')
    expect(JSON.parse(Buffer.from(next.split('.')[0]!, 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'A256CBC-HS512',
      kid: 'k2',
    })
    expect(await query('app_private.unseal($1)', next)).toBe('secret')
    await expect(unseal(next)).rejects.toThrow(/has no key k2/)
  })
})

loop(
  'any JOSE library opens what the database sealed, and seals what it opens',
  { short: 30, full: 2000, of: 'texts' },
  async (count) => {
    const key = derived(TEST_KEYRING.keys.k1!)
    await fc.assert(
      fc.asyncProperty(text, async (plain) => {
        const { plaintext, protectedHeader } = await compactDecrypt(await seal(plain), key)
        expect(Buffer.from(plaintext).toString()).toBe(plain)
        expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
        const theirs = await new CompactEncrypt(Buffer.from(plain))
          .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
          .encrypt(key)
        expect(await unseal(theirs)).toBe(plain)
      }),
      { numRuns: count },
    )
  },
)

test('neither people nor the authenticator may open anything', async () => {
  const sealed = await seal('secret')
  for (const pool of [database.authenticator]) {
    await expect(pool.query('select app_private.unseal($1)', [sealed])).rejects.toMatchObject({ code: '42501' })
    await expect(pool.query('select app_private.seal($1)', ['x'])).rejects.toMatchObject({ code: '42501' })
  }
  expect(await unseal(sealed)).toBe('secret')
})

test('text becomes base64url and base 32 as everywhere', async () => {
  const bytes = Array.from({ length: 60 }, (_, length) => randomBytes(length))
  const { rows } = await database.superuser.query(
    'select app_private.base64url(b) as text, app_private.base64url_decode(app_private.base64url(b)) as back from unnest($1::bytea[]) with ordinality u (b, n) order by n',
    [bytes],
  )
  expect(rows).toEqual(bytes.map((each) => ({ text: each.toString('base64url'), back: each })))
  const {
    rows: [{ seed }],
  } = await database.superuser.query(`select app_private.base32(convert_to('Hello, base 32!', 'utf8')) as seed`)
  expect(seed).toBe('JBSWY3DPFQQGEYLTMUQDGMRB')
})
