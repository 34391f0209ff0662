import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { ROOT } from '../../src/deploy/database.ts'
import { composeEmail } from '../../src/worker/mail/composeEmail.ts'
import { makeMailer } from '../../src/worker/mail/mailer.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { openPostOffice, openShop, startWorker, workerConfig, type PostOffice, type Shop } from './support.ts'
import { ask } from '../support/ask.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
let shop: Shop
beforeAll(async () => {
  database = await testDatabase()
  shop = await openShop(database, 'alice')
})
afterAll(() => database.close())

const unsent = async () =>
  (await database.superuser.query('select from app_private.emails where sent_at is null')).rowCount
/** Text of a mail as a reader sees it: quoted-printable undone. */
const readable = (mail: string) =>
  mail.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))

test('without SMTP a mail is a file that only its owner reads, and its token works', async () => {
  const config = workerConfig()
  await ask(database, null, `select from app_public.register('carol@example.test', 'long enough', 'Carol')`)
  // Of an address that nobody has, a reset leaves the same traces until here; no mail goes there.
  await ask(database, null, `select from app_public.request_password_reset('unheard-of@example.test')`)
  expect(await unsent()).toBe(3)
  const worker = await startWorker(database, config)
  try {
    await until(async () => (await unsent()) === 0)
    const directory = join(config.dataDir, 'mail')
    const [ofAlice, file, ...others] = readdirSync(directory).sort()
    const name = expect.stringMatching(/^[0-9a-f-]{36}-confirm-your-address\.eml$/)
    expect([ofAlice, file, others]).toEqual([name, name, []])
    expect(statSync(join(directory, file!)).mode & 0o777).toBe(0o600)
    const mail = readFileSync(join(directory, file!), 'utf8')
    expect(mail.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    // As it reads, to be copied from the file.
    const token = /^fh_mail_\S+$/m.exec(mail)![0]
    expect(mail).toContain(`\r\nhttps://api.example.test/verify-email#token=${token}\r\n`)
    expect(mail).toMatch(/^curl \S+ -H 'Content-Type: application\/json' -d '\{.*\}'\r$/m)

    const { rows } = await database.superuser.query('select token, sent_at from app_private.emails')
    expect(rows).toEqual(Array(2).fill({ token: null, sent_at: expect.any(Date) }))
    await ask(database, null, 'select from app_public.verify_email($1)', [token])
    const login = await ask(database, null, `select refusal from app_public.login('carol@example.test', 'long enough')`)
    expect(login).toEqual([{ refusal: null }])

    expect(worker.log()).toContain('mail sent')
    expect(worker.log()).not.toContain(token)
  } finally {
    await worker.stop()
    config.remove()
  }
})

describe('by SMTP', () => {
  let office: PostOffice
  let config: ReturnType<typeof workerConfig>
  beforeAll(async () => {
    office = await openPostOffice()
    config = workerConfig({ smtpUrl: office.url })
  })
  afterAll(async () => {
    await office.close()
    config.remove()
  })

  test('an invitation reaches the one it is for, once, and the job may run again', async () => {
    const worker = await startWorker(database, config)
    try {
      await ask(database, shop.token, `select from app_public.invite_member('bob@example.test', 'developer')`)
      await until(() => office.accepted.length > 0)
      await until(async () => (await unsent()) === 0)
      const {
        rows: [email],
      } = await database.superuser.query(`select id from app_private.emails where kind = 'invitation'`)
      const [mail] = office.accepted
      expect(mail!.to).toEqual(['bob@example.test'])
      expect(mail!.text).toContain(`Message-ID: <${email.id}@example.test>`)
      expect(mail!.text).toContain('Subject: alice invites you to alice')
      expect(readable(mail!.text)).toMatch(/^fh_invite_\S+$/m)

      await database.superuser.query(`select app_private.add_job('email__send', $1)`, [{ emailId: email.id }])
      await until(() => worker.log().match(/"task":"email__send".*"job done"/g)?.length === 2)
      expect(office.accepted).toHaveLength(1)
    } finally {
      await worker.stop()
    }
  })

  test('a mail whose row is gone is done, and a payload of another shape fails', async () => {
    const worker = await startWorker(database, config)
    try {
      await database.superuser.query(
        `select app_private.add_job('email__send', '{"emailId": "01a1fc3a-4e5d-7721-8fbe-7ecc68074461"}')`,
      )
      await until(() => worker.log().includes('job done'))
      await database.superuser.query(`select app_private.add_job('email__send', '{"emailId": 7}')`)
      const [failed, ...others] = (await until(async () => {
        const { rows } = await database.worker.query(
          `select last_error, attempts from graphile_worker.jobs where task_identifier = 'email__send' and last_error is not null`,
        )
        return rows.length > 0 && rows
      })) as object[]
      expect([failed, ...others]).toEqual([
        { last_error: expect.stringContaining('The payload has another shape'), attempts: 1 },
      ])
    } finally {
      await worker.stop()
    }
  })
})

test.each(['verify_email', 'reset_password', 'invitation', 'login_code'])(
  'the curl line of %s is a document of this API',
  (kind) => {
    const { text } = composeEmail({ kind, token: 'fh_mail_x', details: {} }, 'https://api.example.test')
    const { query } = JSON.parse(/-d '(.*)'$/m.exec(text)![1]!) as { query: string }
    const schema = buildSchema(readFileSync(join(ROOT, 'generated/schema.graphql'), 'utf8'), { assumeValidSDL: true })
    expect(validate(schema, parse(query))).toEqual([])
    expect(query).toContain('"fh_mail_x"')
  },
)

test('whoever asked for an account that is there already gets no token that opens anything', () => {
  const { subject, text, html } = composeEmail(
    { kind: 'already_registered', token: 'fh_mail_x', details: { name: 'whatever a stranger wrote' } },
    'https://api.example.test',
  )
  expect(subject).toBe('You have an account already')
  for (const body of [text, html]) {
    expect(body).toContain('https://api.example.test/request-password-reset')
    expect(body).not.toMatch(/fh_mail_x|whatever a stranger wrote/)
  }
  const { query } = JSON.parse(/-d '(.*)'$/m.exec(text)![1]!) as { query: string }
  const schema = buildSchema(readFileSync(join(ROOT, 'generated/schema.graphql'), 'utf8'), { assumeValidSDL: true })
  expect(validate(schema, parse(query))).toEqual([])
})

test('a name cannot add markup, paragraphs or headers', async () => {
  const { subject, text, html } = composeEmail(
    {
      kind: 'invitation',
      token: 'fh_invite_x',
      details: {
        tenant: '<a href="https://evil.test">\r\nBcc: all@evil.test\r\n\r\nHi</a>',
        role: 'member',
        invitedBy: 'M',
      },
    },
    'https://api.example.test',
  )
  expect(subject).not.toMatch(/[\r\n]/)
  expect(text).toContain('<a href="https://evil.test"> Bcc: all@evil.test Hi</a>')
  expect(html).not.toContain('<a href="https://evil')
  const config = workerConfig()
  const mailer = makeMailer(config)
  await mailer.send({
    id: '01a1fc3a-4e5d-7721-8fbe-7ecc68074461',
    to: 'a,b>@example.test',
    date: new Date(0),
    subject,
    text,
    html,
  })
  const directory = join(config.dataDir, 'mail')
  const [head] = readFileSync(join(directory, readdirSync(directory)[0]!), 'utf8').split('\r\n\r\n')
  expect(head).not.toMatch(/^Bcc:/m)
  expect(head!.match(/^To:.*$/gm)).toHaveLength(1)
  config.remove()
})
