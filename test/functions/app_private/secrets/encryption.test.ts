import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { compactDecrypt, CompactEncrypt } from 'jose'
import type { Keyring } from '../../../../src/config.ts'
import { createPool } from '../../../../src/db/pools.ts'
import { lendingKeys } from '../../../../src/db/keys.ts'
import { holdKeys, testDatabase, TEST_KEYRING, type TestDatabase } from '../../../support/database.ts'
import { loop } from '../../../support/loops.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

const encrypt = async (text: string | null): Promise<string> =>
  (await database.superuser.query('select app_private.encrypt_secret($1) as encrypted', [text])).rows[0].encrypted
const decrypt = async (encrypted: string | null): Promise<string | null> =>
  (await lendingKeys(database.worker).query('select app_private.decrypt_secret($1) as text', [encrypted])).rows[0].text
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
  })
  if (ring) holdKeys(pool, ring)
  try {
    return await fn(async (sql, value) => (await pool.query(`select ${sql} as value`, [value])).rows[0].value)
  } finally {
    await pool.end()
  }
}

loop(
  'what is encrypted decrypts again, and looks like nothing',
  { short: 100, full: 5000, of: 'texts' },
  async (count) => {
    await fc.assert(
      fc.asyncProperty(text, async (plain) => {
        const encrypted = await encrypt(plain)
        expect(encrypted).toMatch(/^[\w-]+\.\.[\w-]{22}\.[\w-]+\.[\w-]{43}$/)
        if (plain.length > 3) expect(encrypted).not.toContain(plain)
        expect(await decrypt(encrypted)).toBe(plain)
      }),
      { numRuns: count },
    )
    expect(await decrypt(null)).toBeNull()
  },
)

test('the same text is never encrypted the same', async () => {
  expect(new Set(await Promise.all(Array.from({ length: 20 }, () => encrypt('secret')))).size).toBe(20)
})

loop('any change of an encrypted value is found', { short: 100, full: 1000, of: 'changes' }, async (count) => {
  const encrypted = await encrypt('the quick brown fox jumps over the lazy dog')
  const part = (index: number) => encrypted.split('.')[index]!
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 2, 3, 4),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (index, at, mask) => {
        const bytes = Buffer.from(part(index), 'base64url')
        bytes[at % bytes.length]! ^= mask
        const altered = encrypted
          .split('.')
          .map((each, i) => (i === index ? bytes.toString('base64url') : each))
          .join('.')
        await expect(decrypt(altered)).rejects.toThrow()
      },
    ),
    { numRuns: count },
  )
  for (const broken of [
    '',
    'x',
    '....',
    encrypted.slice(0, -1),
    encrypted.split('.').slice(0, 4).join('.'),
    [part(0), '', part(3), part(2), part(4)].join('.'),
  ]) {
    await expect(decrypt(broken)).rejects.toThrow()
  }
  expect(await decrypt(encrypted)).toBe('the quick brown fox jumps over the lazy dog')
})

test('a key that is not in the ring decrypts and encrypts nothing', async () => {
  const encrypted = await encrypt('secret')
  const other: Keyring = { current: 'k2', keys: { k2: randomBytes(32).toString('base64') } }
  await withRing(other, (query) =>
    expect(query('app_private.decrypt_secret($1)', encrypted)).rejects.toThrow(/has no key k1/),
  )
  // Nor does another key by the same name.
  await withRing({ current: 'k1', keys: { k1: randomBytes(32).toString('base64') } }, (query) =>
    expect(query('app_private.decrypt_secret($1)', encrypted)).rejects.toThrow(/altered/),
  )
  await withRing({ current: 'k9', keys: {} }, (query) =>
    expect(query('app_private.encrypt_secret($1)', 'x')).rejects.toThrow(/has no key k9/),
  )
  await withRing(undefined, (query) =>
    expect(query('app_private.encrypt_secret($1)', 'x')).rejects.toThrow(/has no key \(none\)/),
  )
  expect(await decrypt(encrypted)).toBe('secret')
})

test('keys rotate: the new one encrypts, the old one still decrypts', async () => {
  const old = await encrypt('secret')
  const keys = { ...TEST_KEYRING.keys, k2: randomBytes(32).toString('base64') }
  await withRing({ current: 'k2', keys }, async (query) => {
    expect(await query('app_private.decrypt_secret($1)', old)).toBe('secret')
    const next = await query('app_private.encrypt_secret($1)', 'secret')
    expect(JSON.parse(Buffer.from(next.split('.')[0]!, 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'A256CBC-HS512',
      kid: 'k2',
    })
    expect(await query('app_private.decrypt_secret($1)', next)).toBe('secret')
    await expect(decrypt(next)).rejects.toThrow(/has no key k2/)
  })
})

loop(
  'any JOSE library decrypts what the database encrypted, and encrypts what it decrypts',
  { short: 30, full: 2000, of: 'texts' },
  async (count) => {
    const key = derived(TEST_KEYRING.keys.k1!)
    await fc.assert(
      fc.asyncProperty(text, async (plain) => {
        const { plaintext, protectedHeader } = await compactDecrypt(await encrypt(plain), key)
        expect(Buffer.from(plaintext).toString()).toBe(plain)
        expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
        const theirs = await new CompactEncrypt(Buffer.from(plain))
          .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
          .encrypt(key)
        expect(await decrypt(theirs)).toBe(plain)
      }),
      { numRuns: count },
    )
  },
)

test('neither people nor the authenticator may decrypt anything', async () => {
  const encrypted = await encrypt('secret')
  for (const pool of [database.authenticator]) {
    await expect(pool.query('select app_private.decrypt_secret($1)', [encrypted])).rejects.toMatchObject({
      code: '42501',
    })
    await expect(pool.query('select app_private.encrypt_secret($1)', ['x'])).rejects.toMatchObject({ code: '42501' })
  }
  expect(await decrypt(encrypted)).toBe('secret')
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
