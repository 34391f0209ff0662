import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCrontab } from 'graphile-worker'
import { ROOT } from '../../src/deploy/database.ts'
import { createPool } from '../../src/db/pools.ts'
import { makeLogger } from '../../src/log.ts'
import { unlockDeadPools } from '../../src/worker/liveness.ts'
import { runWorker } from '../../src/worker/run.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import {
  addWebhookEvent,
  kill,
  openPostOffice,
  openShop,
  PUSH,
  spawnWorker,
  startWorker,
  workerConfig,
  type PostOffice,
  type Shop,
} from './support.ts'
import { until } from '../support/until.ts'
import { loop } from '../support/loops.ts'

let database: TestDatabase
let shop: Shop
let office: PostOffice
let config: ReturnType<typeof workerConfig>
beforeAll(async () => {
  database = await testDatabase()
  shop = await openShop(database, 'alice')
  office = await openPostOffice()
  config = workerConfig({ smtpUrl: office.url })
})
afterAll(async () => {
  await office.close()
  config.remove()
  await database.close()
})

const jobs = async (task: string) =>
  (
    await database.worker.query('select locked_by, attempts from graphile_worker.jobs where task_identifier = $1', [
      task,
    ])
  ).rows

test('every line of the crontab names a task', () => {
  const tasks = readdirSync(join(ROOT, 'src/worker/tasks')).map((file) => file.replace(/\.ts$/, ''))
  const lines = parseCrontab(readFileSync(join(ROOT, 'src/worker/crontab'), 'utf8'))
  expect(lines.length).toBeGreaterThan(0)
  for (const { task } of lines) expect(tasks).toContain(task)
})

test('kill -9 while a mail is on its way: the next worker sends it, and it is accepted once', async () => {
  office.isSilent = true
  const child = await spawnWorker(database, config)
  await until(() => office.seen.length === 1)
  expect(await jobs('email__send')).toEqual([{ locked_by: expect.stringMatching(/^pool-/), attempts: 1 }])
  // The one that lives keeps its job, whoever looks.
  expect(await unlockDeadPools(database.worker, 0)).toEqual([])
  await kill(child)
  // And so does the dead one while the server is younger than that: who lives may not have come back yet.
  expect(await unlockDeadPools(database.worker, 1_000_000)).toEqual([])

  office.isSilent = false
  const worker = await startWorker(database, config)
  await until(() => office.accepted.length === 1)
  await until(async () => (await jobs('email__send')).length === 0)
  expect(worker.log()).toContain('workers died')
  await worker.stop()
  const ids = office.seen.map((mail) => /^Message-ID: .*$/m.exec(mail)![0])
  expect([ids.length, new Set(ids).size, office.accepted.length]).toEqual([2, 1, 1])
})

loop(
  'kill -9 in the middle of applying a webhook: nothing lost, nothing twice',
  { short: 1, full: 25, of: 'kills' },
  async (count) => {
    for (let round = 1; round <= count; round++) {
      const lock = await database.superuser.connect()
      const after = round.toString(16).padStart(40, 'a')
      const eventId = await addWebhookEvent(database, shop, `delivery 1.${round}`, { ...PUSH, after })
      await lock.query('begin')
      await lock.query('select from app_public.webhook_events where id = $1 for update', [eventId])
      const child = await spawnWorker(database, config)
      await until(
        async () =>
          (
            await database.superuser.query(
              `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name like 'freehold-worker%'`,
            )
          ).rowCount,
      )
      await kill(child)
      await lock.query('rollback')
      lock.release()

      const worker = await startWorker(database, config)
      await until(async () => (await jobs('webhook__apply')).length === 0)
      await worker.stop()
      const { rows } = await database.superuser.query(
        `select e.outcome, e.attempts, e.processed, d.commit_sha from app_public.webhook_events e
         left join app_public.deployments d on d.tenant_id = e.tenant_id and d.commit_sha = $2 where e.id = $1`,
        [eventId, after],
      )
      expect(rows).toEqual([{ outcome: 'deployment_requested', attempts: 1, processed: true, commit_sha: after }])
    }
    const { rows } = await database.superuser.query('select from app_public.deployments')
    expect(rows).toHaveLength(count)
  },
)

test('two workers over one queue apply each event once', async () => {
  const workers = await Promise.all([startWorker(database, config), startWorker(database, config)])
  const ids = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      addWebhookEvent(database, shop, `many ${index}`, { ...PUSH, after: index.toString(16).padStart(40, 'b') }),
    ),
  )
  await until(async () => (await jobs('webhook__apply')).length === 0)
  await Promise.all(workers.map((each) => each.stop()))
  const {
    rows: [row],
  } = await database.superuser.query(
    `select count(*)::int as deployments, count(distinct d.commit_sha)::int as commits
     from app_public.webhook_events e join app_public.deployments d on d.tenant_id = e.tenant_id and d.id = e.deployment_id where e.id = any ($1)`,
    [ids],
  )
  expect(row).toEqual({ deployments: 40, commits: 40 })
  const both = workers.map((each) => each.log().match(/"webhook applied"/g)?.length ?? 0)
  expect(both[0]! + both[1]!).toBe(40)
})

test('a failure is written on the event, the job is tried again, and then it is well', async () => {
  await database.superuser.query(`
    create function app_private.fail() returns trigger language plpgsql as $$ begin raise exception 'no luck with fh_live_abcdefgh_12345678'; end $$;
    create trigger fail before insert on app_public.deployments for each row execute function app_private.fail()`)
  const worker = await startWorker(database, config)
  const eventId = await addWebhookEvent(database, shop, 'delivery 2', { ...PUSH, after: 'c'.repeat(40) })
  const event = async () =>
    (
      await database.superuser.query(
        'select processed, attempts, error, outcome from app_public.webhook_events where id = $1',
        [eventId],
      )
    ).rows[0]
  await until(async () => (await event()).error)
  expect(await event()).toEqual({ processed: false, attempts: 1, error: 'no luck with fh_[redacted]', outcome: null })
  await until(async () => (await jobs('webhook__apply'))[0]?.locked_by === null)
  const { rows } = await database.worker.query(
    `select last_error from graphile_worker.jobs where task_identifier = 'webhook__apply'`,
  )
  expect(rows).toEqual([{ last_error: 'no luck with fh_[redacted]' }])

  await database.superuser.query('drop function app_private.fail() cascade')
  await database.superuser.query(`update graphile_worker._private_jobs set run_at = now()`)
  await until(async () => (await event()).processed)
  expect(await event()).toEqual({ processed: true, attempts: 2, error: null, outcome: 'deployment_requested' })
  await worker.stop()
})

test('stopping waits for the job under way and leaves nothing locked', async () => {
  const lock = await database.superuser.connect()
  const eventId = await addWebhookEvent(database, shop, 'delivery 3', { ...PUSH, after: 'd'.repeat(40) })
  await lock.query('begin')
  await lock.query('select from app_public.webhook_events where id = $1 for update', [eventId])
  const worker = await startWorker(database, config)
  await until(async () => (await jobs('webhook__apply'))[0]?.locked_by)
  let hasStopped = false
  const stopped = worker.stop().then(() => (hasStopped = true))
  // Whoever stops takes no more work, and looks after the job that it has.
  await until(() => worker.log().includes('Attempting graceful shutdown'))
  expect(hasStopped).toBe(false)
  await lock.query('rollback')
  lock.release()
  await stopped
  expect(await jobs('webhook__apply')).toEqual([])
})

test('a worker outlives the loss of all its connections', async () => {
  const worker = await startWorker(database, config)
  await database.superuser.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name ~ '^freehold-(worker|listener)'`,
  )
  await addWebhookEvent(database, shop, 'delivery 4', { ...PUSH, after: 'e'.repeat(40) })
  await until(async () => (await jobs('webhook__apply')).length === 0)
  await until(
    async () =>
      (
        await database.superuser.query(
          `select from pg_locks where locktype = 'advisory' and classid = 7301004 and granted`,
        )
      ).rowCount,
  )
  await worker.stop()
})

test('a worker whose first look at its tasks failed begins anew, since graphile-worker remembers the failure', async () => {
  await database.superuser.query('alter table graphile_worker._private_tasks rename to tasks_away')
  const worker = await startWorker(database, config, { isAwaited: false })
  await until(() => worker.log().includes('Failed to acquire job'))
  await database.superuser.query('alter table graphile_worker.tasks_away rename to _private_tasks')
  await addWebhookEvent(database, shop, 'delivery 6', { ...PUSH, after: '4'.repeat(40) })
  await until(async () => (await jobs('webhook__apply')).length === 0, 20_000)
  expect(worker.log()).toContain('graphile-worker gave up')
  await worker.stop()
}, 30_000)

test('when the ends of jobs cannot be written down, the worker begins anew and the jobs run again', async () => {
  const worker = await startWorker(database, config)
  // The ends of two jobs wait for the lock, so that they fail together.
  const lock = await database.superuser.connect()
  await lock.query('select pg_advisory_lock(1)')
  await database.superuser.query(`
    create function app_private.keep() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(1); raise exception 'jobs stay'; end $$;
    create trigger keep before delete on graphile_worker._private_jobs for each row execute function app_private.keep()`)
  // More than one, since graphile-worker's own shutdown then never ends.
  const commits = ['f', '1', '2', '3'].map((digit) => digit.repeat(40))
  const ids = await Promise.all(
    commits.map((after, index) => addWebhookEvent(database, shop, `unwritten ${index}`, { ...PUSH, after })),
  )
  await until(
    async () =>
      (
        await database.superuser.query(
          `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory' and application_name like 'freehold-worker%'`,
        )
      ).rowCount! >= 2,
  )
  await lock.query('select pg_advisory_unlock(1)')
  lock.release()
  await until(() => worker.log().includes('graphile-worker gave up'))
  expect(worker.log()).toContain('graphile-worker did not end its shutdown')
  await database.superuser.query('drop function app_private.keep() cascade')
  await until(async () => (await jobs('webhook__apply')).length === 0)
  await worker.stop()
  const {
    rows: [row],
  } = await database.superuser.query(
    `select count(*)::int as events, sum(e.attempts)::int as attempts, count(distinct d.commit_sha)::int as commits
     from app_public.webhook_events e join app_public.deployments d on d.tenant_id = e.tenant_id and d.id = e.deployment_id where e.id = any ($1)`,
    [ids],
  )
  expect(row).toEqual({ events: 4, attempts: 4, commits: 4 })
})

test('a pool too small to work with is refused in words', async () => {
  const pool = createPool(database.urls.worker, { name: 'freehold-worker', size: 2 })
  await expect(runWorker({ config, pool, logger: makeLogger({ level: 'silent' }) })).rejects.toThrow(
    'POOL_SIZE is 2: a worker needs at least 3.',
  )
  await pool.end()
})
