import { createHmac } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { lendingKeys } from '../../src/db/keys.ts'
import { TEST_KEYRING, testDatabase, type TestDatabase } from '../support/database.ts'
import { openShop } from './support.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())

/** The key of app_private.derive_key. */
const key = createHmac('sha512', Buffer.from(TEST_KEYRING.keys.k1!, 'base64')).update('freehold seal 1').digest()

test('jose decrypts what the database encrypted', async () => {
  const shop = await openShop(database, 'alice')
  const {
    rows: [row],
  } = await database.superuser.query('select secret from app_private.webhook_source_secrets')
  const { plaintext, protectedHeader } = await compactDecrypt(row.secret, key)
  expect(Buffer.from(plaintext).toString()).toBe(shop.secret)
  expect(protectedHeader).toEqual({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
})

test.each(['', 'x', 'sixteen bytes ok', 'ключ 🔑', 'long '.repeat(1000)])(
  'the database decrypts what jose encrypted: %j',
  async (secret) => {
    const encrypted = await new CompactEncrypt(Buffer.from(secret))
      .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
      .encrypt(key)
    const { rows } = await lendingKeys(database.worker).query('select app_private.decrypt_secret($1) as decrypted', [
      encrypted,
    ])
    expect(rows).toEqual([{ decrypted: secret }])
  },
)

test('a value that was altered anywhere does not decrypt', async () => {
  const encrypted = await new CompactEncrypt(Buffer.from('secret'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512', kid: 'k1' })
    .encrypt(key)
  for (const part of [2, 3, 4]) {
    const parts = encrypted.split('.')
    const bytes = Buffer.from(parts[part]!, 'base64url')
    bytes[0]! ^= 1
    parts[part] = bytes.toString('base64url')
    await expect(
      lendingKeys(database.worker).query('select app_private.decrypt_secret($1)', [parts.join('.')]),
    ).rejects.toThrow('an encrypted value was altered')
  }
})

test('the API may not decrypt anything', async () => {
  await expect(database.authenticator.query(`select app_private.decrypt_secret('x')`)).rejects.toMatchObject({
    code: '42501',
  })
})
