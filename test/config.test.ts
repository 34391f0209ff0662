import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError, explainListenError, loadConfig } from '../src/config.ts'
import { DEFAULT_LIMITS } from '../src/limits.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'freehold-config-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')

/** The lines of the refusal. */
function mistakesOf(env: Record<string, string>, argv: string[] = []): readonly string[] {
  try {
    loadConfig({ DATA_DIR: dataDir, ...env }, argv)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes
    throw error
  }
  return []
}

test('nothing given means the embedded database on loopback', () => {
  expect(loadConfig({ DATA_DIR: dataDir, CORS_ORIGINS: '' })).toMatchObject({
    mode: 'all',
    host: '127.0.0.1',
    port: 5678,
    dataDir,
    databaseUrl: undefined,
    cors: false,
    publicUrl: 'http://127.0.0.1:5678',
    webhookMaxBytes: 26_214_400,
    bodyMaxBytes: 1_048_576,
    statementTimeoutMs: 30_000,
    idleInTransactionTimeoutMs: 30_000,
    limits: DEFAULT_LIMITS,
  })
})

test('every mistake is told at once, with its fix and without a password', () => {
  const mistakes = mistakesOf(
    {
      PORT: 'http',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://root:hunter2@db.example.com/x',
      CORS_ORIGINS: 'https://a.example.com/path',
      SECRET_KEYS: 'k1:short',
      GRAPHIQL: 'perhaps',
      DATABASE_WORKER_URL: 'postgres://w:hunter3@h',
      DEFAULT_PAGE: '0',
    },
    ['sidecar'],
  )
  expect(mistakes).toEqual([
    'Mode "sidecar" is unknown: start with api, worker, or nothing for both.',
    'PORT is "http": give a whole number from 0 to 65535.',
    'DATABASE_URL is not a valid URL: write it like postgres://user:password@host:5432/freehold.',
    'DATABASE_WORKER_URL names no database: end it with /freehold, for example.',
    'LOG_LEVEL is "loud": give one of fatal, error, warn, info, debug, trace, silent.',
    'CORS_ORIGINS holds something that is not an origin: write https://app.example.com,https://other.example.com without paths, or *.',
    'GRAPHIQL is "perhaps": give true or false.',
    'DEFAULT_PAGE is "0": give a whole number from 1 to 10000.',
    'SECRET_KEYS, entry 1, is not id:base64 of 32 bytes: make one with `openssl rand -base64 32`.',
  ])
  expect(mistakes.join()).not.toMatch(/hunter|short/)
})

test('the first key is the current one, also when ids are numbers', () => {
  expect(loadConfig({ DATA_DIR: dataDir, SECRET_KEYS: `2:${key(2)},1:${key(1)}` }).secretKeys).toEqual({
    current: '2',
    keys: { 1: key(1), 2: key(2) },
  })
  expect(mistakesOf({ SECRET_KEYS: `k1:${key(1)},k1:${key(2)}` })).toEqual([
    'SECRET_KEYS names key "k1" twice: give each key its own id.',
  ])
})

test('the data directory keeps generated keys, for its owner only', () => {
  const first = loadConfig({ DATA_DIR: dataDir }).secretKeys
  expect(loadConfig({ DATA_DIR: dataDir }).secretKeys).toEqual(first)
  expect(Buffer.from(first.keys[first.current] ?? '', 'base64')).toHaveLength(32)
  expect(statSync(join(dataDir, 'secret-keys')).mode & 0o777).toBe(0o600)
})

test('damaged keys are not replaced', () => {
  writeFileSync(join(dataDir, 'secret-keys'), 'k1:')
  expect(mistakesOf({})).toEqual([expect.stringContaining('is damaged: restore it from a backup')])
  expect(readFileSync(join(dataDir, 'secret-keys'), 'utf8')).toBe('k1:')
})

test('a database on another host needs keys of its own, one on loopback does not', () => {
  expect(mistakesOf({ DATABASE_URL: 'postgres://u:p@db.example.com/freehold' })).toEqual([
    expect.stringMatching(/^SECRET_KEYS is missing/),
  ])
  expect(mistakesOf({ DATABASE_URL: 'postgres://u:p@db.example.com/freehold', SECRET_KEYS: `k1:${key(1)}` })).toEqual(
    [],
  )
  expect(mistakesOf({ DATABASE_URL: 'postgres://u:p@[::1]:5432/freehold' })).toEqual([])
})

test('role URLs make no sense without a database', () => {
  expect(mistakesOf({ DATABASE_WORKER_URL: 'postgres://w:p@localhost/freehold' })).toEqual([
    'DATABASE_WORKER_URL is set without DATABASE_URL: set DATABASE_URL too, or remove it to use the embedded PostgreSQL.',
  ])
})

test('a data directory that cannot be made is one line', () => {
  writeFileSync(join(dataDir, 'file'), '')
  const path = join(dataDir, 'file', 'below')
  expect(mistakesOf({ DATA_DIR: path })).toEqual([expect.stringMatching(/cannot be (written|read)/)])
})

test('a busy port is one line; another error is none', () => {
  const busy = Object.assign(new Error('listen'), { code: 'EADDRINUSE' })
  expect(explainListenError(busy, '127.0.0.1', 5678)?.message).toBe(
    'Port 5678 on 127.0.0.1 is in use: stop the other program or set PORT.',
  )
  expect(explainListenError(new Error('other'), '127.0.0.1', 5678)).toBeUndefined()
})
