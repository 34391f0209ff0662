import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbedded, type Cluster } from '../../src/deploy/embedded.ts'
import { CARELESS } from '../../src/dev/templateCluster.ts'
import { throwAwayFolder } from '../../src/dev/throwAwayFolder.ts'
import { until } from '../support/until.ts'
import { loop } from '../support/loops.ts'

const STARTER = join(import.meta.dirname, '../support/starter.ts')
const isRoot = process.getuid?.() === 0

let parent: string
let home: string
const children: ChildProcess[] = []
const clusters: Cluster[] = []

beforeEach(() => {
  parent = mkdtempSync(join(throwAwayFolder(), 'freehold-embedded-'))
  // mkdtemp makes it private to root, whom the server is not.
  chmodSync(parent, 0o755)
  home = join(parent, 'postgres')
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const cluster of clusters.splice(0)) await cluster.stop({ force: true })
  // Whatever a failed test left running.
  if (existsSync(join(home, 'data', 'postmaster.pid'))) await (await startEmbedded({ home })).stop({ force: true })
  rmSync(parent, { recursive: true, force: true })
})

async function start(settings: Readonly<Record<string, string>> = CARELESS): Promise<Cluster> {
  const cluster = await startEmbedded({ home, settings })
  clusters.push(cluster)
  return cluster
}

/** Starts it from another process, which then waits. */
async function startElsewhere(): Promise<{ child: ChildProcess; pid: number; port: number; owner: boolean }> {
  const child = spawn(process.execPath, [STARTER, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  return { child, ...(JSON.parse(line.toString()) as { pid: number; port: number; owner: boolean }) }
}

async function query(cluster: Cluster, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: cluster.url('postgres') })
  await client.connect()
  try {
    return (await client.query(sql)).rows as unknown[]
  } finally {
    await client.end()
  }
}

async function endOf(pid: number): Promise<void> {
  await until(() => {
    try {
      process.kill(pid, 0)
      return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return true
    }
  })
}

/** The server takes a moment to notice that a client was killed or has gone. */
async function untilStopped(cluster: Cluster): Promise<void> {
  await until(async () => (await cluster.stop()) === 'stopped')
}

test('three starters at once give one owner and two that join, and the last one out stops it', async () => {
  const started = await Promise.all([start(), startElsewhere(), startElsewhere()])
  expect(new Set(started.map(({ pid }) => pid)).size).toBe(1)
  expect(started.filter(({ owner }) => owner)).toHaveLength(1)

  const [mine, second, third] = started
  expect(await mine.stop()).toBe('in use')
  expect(await query(mine, 'select 1 as one')).toEqual([{ one: 1 }])

  for (const { child } of [second, third]) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const last = await start()
  expect(last).toMatchObject({ owner: false, pid: mine.pid })
  await untilStopped(last)
  expect(existsSync(join(home, 'data', 'postmaster.pid'))).toBe(false)
})

test('a server whose parent was killed is adopted, with its data', async () => {
  const { child, pid } = await startElsewhere()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const adopted = await start()
  expect(adopted).toMatchObject({ pid, owner: false })
})

loop(
  'after kill -9 of the server the next start recovers what was committed',
  { short: 1, full: 25, of: 'kills' },
  async (count) => {
    let first = await start({ ...CARELESS, synchronous_commit: 'on' })
    await query(first, 'create table kept (id int)')
    for (let round = 1; round <= count; round++) {
      await query(first, `insert into kept values (${round})`)
      process.kill(first.pid, 'SIGKILL')
      await endOf(first.pid)
      const second = await start({ ...CARELESS, synchronous_commit: 'on' })
      expect(second.owner).toBe(true)
      expect(second.pid).not.toBe(first.pid)
      expect(await query(second, 'select max(id) as id, count(*)::int as count from kept')).toEqual([
        { id: round, count: round },
      ])
      expect(await first.stop()).toBe('stopped')
      first = second
    }
  },
)

test('after a stop the port is the same, unless another program took it', async () => {
  const first = await start()
  await first.stop()
  const second = await start()
  expect(second.port).toBe(first.port)
  await second.stop()

  const squatter = createServer().listen(first.port, '127.0.0.1')
  await once(squatter, 'listening')
  const third = await start()
  expect(third.port).not.toBe(first.port)
  squatter.close()
})

test('a fixed port in use is said in one line', async () => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  await expect(startEmbedded({ home, port, settings: CARELESS })).rejects.toMatchObject({
    name: 'ConfigurationError',
    message: `Port ${port} on 127.0.0.1, asked for PostgreSQL, is in use: free it or choose another.`,
  })
  squatter.close()
})

test('a session that came by URL keeps the server running, a nameless one does not', async () => {
  const cluster = await start()
  const guest = new pg.Client({ connectionString: cluster.url('postgres'), application_name: 'freehold-worker 1' })
  guest.on('error', () => {})
  await guest.connect()
  expect(await cluster.stop()).toBe('in use')
  await guest.end()

  const again = await start()
  const stranger = new pg.Client({ connectionString: again.url('postgres'), application_name: 'psql' })
  stranger.on('error', () => {})
  await stranger.connect()
  await untilStopped(again)
  await stranger.end().catch(() => {})
  expect(existsSync(join(home, 'data', 'postmaster.pid'))).toBe(false)
})

test('a lock file whose pid is another program now does not hold up the start', async () => {
  const first = await start()
  await first.stop()
  writeFileSync(
    join(home, 'data', 'postmaster.pid'),
    `${process.ppid}\n${join(home, 'data')}\n0\n${first.port}\n\n127.0.0.1\n\nready   \n`,
  )
  expect((await start()).owner).toBe(true)
})

test('a setting the server refuses is reported with its own words', async () => {
  await expect(startEmbedded({ home, settings: { ...CARELESS, max_connections: 'many' } })).rejects.toThrow(
    /max_connections/,
  )
})

test('the data directory and the password are for nobody else', async () => {
  const { data } = await start()
  expect(statSync(data).mode & 0o077).toBe(0)
  expect(statSync(join(data, 'freehold_password')).mode & 0o077).toBe(0)
  expect(statSync(home).mode & 0o077).toBe(0)
})

;(isRoot ? test : test.skip)('as root under a private directory the data goes where the server may enter', async () => {
  const closed = join(parent, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  home = join(closed, 'postgres')
  const first = await start()
  const elsewhere = readFileSync(join(home, 'location'), 'utf8').trim()
  try {
    expect(first.data).toBe(join(elsewhere, 'data'))
    await query(first, 'create table kept (id int)')
    await first.stop({ force: true })
    const second = await start()
    expect(second.data).toBe(first.data)
    expect(await query(second, 'select from kept')).toEqual([])
    await second.stop({ force: true })
  } finally {
    rmSync(elsewhere, { recursive: true, force: true })
  }
})
