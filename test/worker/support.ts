import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { SMTPServer } from 'smtp-server'
import { createPool } from '../../src/db/pools.ts'
import { makeLogger } from '../../src/log.ts'
import { runWorker, type RunningWorker, type WorkerDeps } from '../../src/worker/run.ts'
import { askOne } from '../support/ask.ts'
import { TEST_KEYRING, type TestDatabase } from '../support/database.ts'
import { enrol, found } from '../support/people.ts'

/** A person with a tenant of their own, a project that deploys branch `master`, and a webhook source. */
export interface Shop {
  token: string
  tenantId: string
  projectId: string
  sourceId: string
  secret: string
}

export async function openShop(database: TestDatabase, name: string): Promise<Shop> {
  await database.worker.query('select app_private.ensure_partitions()')
  const person = await enrol(database, name)
  const tenant = await found(database, person, name, name)
  const project = await askOne(
    database,
    person,
    `insert into app_public.projects (name, slug, repository_branch) values ('Shop', 'shop', 'master') returning id`,
  )
  const source = await askOne(database, person, `select * from app_public.create_webhook_source($1, 'GitHub')`, [
    project.id,
  ])
  return {
    token: person.token,
    tenantId: tenant.id,
    projectId: project.id,
    sourceId: source.webhook_source_id,
    secret: source.secret,
  }
}

/** An event of the inbox, as receive_webhook leaves it, and its job. */
export async function addWebhookEvent(
  { superuser }: TestDatabase,
  shop: Shop,
  delivery: string,
  payload: object,
): Promise<string> {
  const {
    rows: [row],
  } = await superuser.query<{ id: string }>(
    `insert into app_public.webhook_events (tenant_id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, raw_body)
     values ($1, $2, $3, 'github', 'push', $4, $5, '') returning id`,
    [shop.tenantId, shop.sourceId, shop.projectId, delivery, payload],
  )
  await superuser.query(`select app_private.add_job('webhook__apply', $1, $2)`, [
    { tenantId: shop.tenantId, webhookEventId: row!.id },
    row!.id,
  ])
  return row!.id
}

export const PUSH = {
  ref: 'refs/heads/master',
  after: 'a'.repeat(40),
  repository: { clone_url: 'https://example.test/shop.git' },
}

/** A directory of this test, and a worker's configuration that uses it. */
export function workerConfig(
  overrides: Partial<WorkerDeps['config']> = {},
): WorkerDeps['config'] & { remove: () => void } {
  const dataDir = mkdtempSync(join(tmpdir(), 'freehold-worker-'))
  return {
    dataDir,
    auditSealsFile: join(dataDir, 'seals.jsonl'),
    publicUrl: 'https://api.example.test',
    smtpUrl: undefined,
    mailFrom: 'Freehold <no-reply@example.test>',
    ...overrides,
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  }
}

/** A worker in this process, with what it logged; ready unless told not to wait for that. */
export async function startWorker(
  database: TestDatabase,
  config: WorkerDeps['config'],
  { isAwaited = true } = {},
): Promise<RunningWorker & { log: () => string }> {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const pool = createPool(database.urls.worker, { name: 'freehold-worker', size: 5, keyring: TEST_KEYRING })
  const worker = await runWorker({ config, pool, logger: makeLogger({ level: 'trace', destination }), graceSeconds: 0 })
  if (isAwaited) await worker.ready
  const stop = async () => {
    await worker.stop()
    await pool.end()
  }
  return { ready: worker.ready, stop, log: () => text }
}

/** A worker in a process of its own, ready. */
export async function spawnWorker(
  database: TestDatabase,
  { dataDir, auditSealsFile, publicUrl, smtpUrl, mailFrom }: WorkerDeps['config'],
): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, 'workerProcess.ts'),
      JSON.stringify({
        workerUrl: database.urls.worker,
        config: { dataDir, auditSealsFile, publicUrl, smtpUrl, mailFrom },
      }),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(child.stdout!, 'data')
  return child
}

export async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** An SMTP server that keeps what it was sent. While `isSilent` it takes a mail's bytes and never says that it has them. */
export interface PostOffice {
  url: string
  isSilent: boolean
  /** Mails whose bytes came, acknowledged or not. */
  readonly seen: string[]
  readonly accepted: { text: string; to: string[] }[]
  close(): Promise<void>
}

export async function openPostOffice(): Promise<PostOffice> {
  const office = { url: '', isSilent: false, seen: [] as string[], accepted: [] as PostOffice['accepted'] }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        office.seen.push(text)
        if (office.isSilent) return
        office.accepted.push({ text, to: session.envelope.rcptTo.map(({ address }) => address) })
        done()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  office.url = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  return Object.assign(office, { close: () => new Promise<void>((resolve) => server.close(() => resolve())) })
}
