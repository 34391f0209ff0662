import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { generateSync } from 'otplib'
import { ROOT } from '../../src/deploy/database.ts'
import { ask, askOne } from '../support/ask.ts'
import { testDatabase, TEST_KEYRING, type TestDatabase } from '../support/database.ts'
import { namedPeople } from '../support/people.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

/** Runs `npm run operator -- …`, with lines for what it asks. */
function operator(
  args: readonly string[],
  { token, input = '' }: { token?: string; input?: string } = {},
): Promise<{ out: string; error: string; code: number | null }> {
  const { owner, authenticator, worker } = database.urls
  const child = spawn(process.execPath, [join(ROOT, 'src/operator/cli.ts'), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      DATABASE_OWNER_URL: owner,
      DATABASE_AUTHENTICATOR_URL: authenticator,
      DATABASE_WORKER_URL: worker,
      SECRET_KEYS: Object.entries(TEST_KEYRING.keys)
        .map(([name, key]) => `${name}:${key}`)
        .join(','),
      ...(token !== undefined && { OPERATOR_TOKEN: token }),
    },
  })
  let [out, error] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (error += chunk))
  child.stdin.end(input)
  return new Promise((resolve) => child.on('close', (code) => resolve({ out: out.trim(), error: error.trim(), code })))
}

test('from the first operator to a suspended tenant and back', async () => {
  const { nobody } = people
  expect(await operator(['make-operator', nobody.email])).toMatchObject({
    out: expect.stringMatching(/is an operator now.*second factor/),
    code: 0,
  })
  const { secret } = await askOne(database, nobody, 'select * from app_public.enable_totp($1)', [nobody.password])
  const now = Math.floor(Date.now() / 1000)
  const codeAt = (steps: number) => generateSync({ secret, epoch: now + 30 * steps })
  await ask(database, nobody, 'select app_public.confirm_totp($1)', [codeAt(0)])

  const logIn = (password: string, code: string) =>
    operator(['log-in', nobody.email], { input: `${password}\n${code}\n` })
  expect(await logIn('not the password', codeAt(1))).toMatchObject({
    out: '',
    error: expect.stringMatching(/^INVALID_CREDENTIALS: /),
    code: 1,
  })
  expect(await logIn(nobody.password, '')).toMatchObject({ error: expect.stringMatching(/^CODE_REQUIRED: /), code: 1 })
  const { out: token, code } = await logIn(nobody.password, codeAt(1))
  expect([token, code]).toEqual([expect.stringMatching(/^fh_sess_\S+$/), 0])

  const { out: table } = await operator(['tenants'], { token })
  expect(table).toMatch(/^slug +status +members/)
  expect(table).toMatch(/^acme +open +4 +0 +0/m)
  const { out: json } = await operator(['tenants', '--json', '--page', '1'], { token })
  expect(JSON.parse(json)).toMatchObject([{ slug: 'acme', members: 4, status: 'open' }])

  const suspend = ['suspend-tenant', 'evil', '--reason', 'spam']
  expect(await operator(suspend)).toMatchObject({
    error: expect.stringContaining('OPERATOR_TOKEN is not set'),
    code: 2,
  })
  expect(await operator(suspend, { token: people.mallory.token })).toMatchObject({
    error: expect.stringMatching(/^NOT_AN_OPERATOR: /),
    code: 1,
  })
  expect(await operator(suspend, { token })).toMatchObject({
    out: expect.stringMatching(/^Suspended evil \(/),
    code: 0,
  })
  await expect(ask(database, { token: people.mallory.token, tenant: 'evil' }, 'select 1')).rejects.toThrow()
  expect(await operator(['restore-tenant', 'evil', '--reason', 'no spam'], { token })).toMatchObject({ code: 0 })
  expect(await ask(database, { token: people.mallory.token, tenant: 'evil' }, 'select 1 as one')).toEqual([{ one: 1 }])
  const { rows } = await database.superuser.query(
    `select user_id, user_agent from app_public.audit_logs where action = 'operator.tenant_suspended' and tenant_id = $1`,
    [people.tenants.evil.id],
  )
  expect(rows).toEqual([{ user_id: nobody.id, user_agent: expect.stringMatching(/^npm run operator, \S+ on \S+$/) }])

  expect(await operator(['log-out'], { token })).toMatchObject({ code: 0 })
  expect(await operator(['tenants'], { token })).toMatchObject({
    error: expect.stringMatching(/^UNAUTHENTICATED: /),
    code: 1,
  })
}, 60_000)

test('tells how it is used, and what was wrong', async () => {
  const { out, code } = await operator(['help'])
  expect(code).toBe(0)
  expect(out).toMatch(/suspend-tenant <slug or id> --reason/)
  expect(await operator(['fly'])).toMatchObject({
    error: expect.stringContaining('There is no command "fly"'),
    code: 2,
  })
  expect(await operator(['suspend-user', 'a@b.test'])).toMatchObject({
    error: expect.stringContaining('needs --reason'),
    code: 2,
  })
  expect(await operator(['suspend-user'])).toMatchObject({
    error: expect.stringContaining('takes <address or id>'),
    code: 2,
  })
  expect(await operator(['tenants', '--fast'])).toMatchObject({ code: 2 })
  expect(await operator(['tenants', '--page', 'many'])).toMatchObject({
    error: expect.stringContaining('--page takes a number'),
    code: 2,
  })
})
