import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../deploy/database.ts'
import { startTemplateCluster } from './templateCluster.ts'

/** An npm script of package.json; `arguments_` follow its own. Those with a database join one server and clone one template. */
interface Part {
  readonly script: string
  readonly arguments_?: readonly string[]
  readonly needsDatabase?: boolean
}

/** The longest first, so that none of them is left over when the others are done. */
const PARTS: readonly Part[] = [
  { script: 'prove:isolation', needsDatabase: true },
  { script: 'generate', arguments_: ['--check'], needsDatabase: true },
  { script: 'typecheck' },
  { script: 'lint' },
  { script: 'db:check', needsDatabase: true },
  { script: 'db:laws', needsDatabase: true },
  { script: 'lint:migrations' },
]

interface Outcome {
  readonly name: string
  readonly isOk: boolean
  readonly seconds: number
  /** All that it wrote, in the order of writing. */
  readonly output: string
}

const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

/** Runs the script as npm would, without starting npm. */
function run({ script, arguments_ = [] }: Part, dataDir: string | undefined): Promise<Outcome> {
  const joined = dataDir === undefined ? [] : ['--server', dataDir]
  const started = performance.now()
  return new Promise((resolve) => {
    const command = [scripts[script], ...arguments_, ...joined].join(' ')
    const child = spawn(command, { cwd: ROOT, shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const end = (isOk: boolean, last = '') =>
      resolve({
        name: [script, ...arguments_].join(' '),
        isOk,
        seconds: (performance.now() - started) / 1000,
        output: `${Buffer.concat(chunks).toString()}${last}`.trim(),
      })
    child.on('error', (error) => end(false, error.message))
    child.on('close', (code) => end(code === 0))
  })
}

const told = ({ name, isOk, seconds }: Outcome): string =>
  `${isOk ? 'ok    ' : 'FAILED'} ${name.padEnd(20)} ${seconds.toFixed(1).padStart(5)} s`

/** Runs every part, whatever fails, and prints each whole when it ends; then all of them with their times. */
async function check(): Promise<boolean> {
  const started = performance.now()
  const outcomes: Outcome[] = []
  const tell = (outcome: Outcome) => {
    outcomes.push(outcome)
    console.log(
      [told(outcome), outcome.output.replace(/^(?=.)/gm, '  '), '']
        .filter((text, i) => text !== '' || i === 2)
        .join('\n'),
    )
  }
  const since = (start: number) => (performance.now() - start) / 1000
  const name = 'database'
  // Parts without a database need not wait for it; a part that has none builds its own, and says what is wrong with it.
  const database = startTemplateCluster().then(
    (cluster) => {
      const output = cluster.isBuilt ? 'built from empty' : 'as an earlier run left it'
      tell({ name, isOk: true, seconds: since(started), output })
      return cluster
    },
    (error: unknown) => {
      tell({ name, isOk: false, seconds: since(started), output: String(error) })
      return undefined
    },
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void database.then((cluster) => cluster?.stop()).finally(() => process.exit(130)))
  try {
    const isBuilding = { value: true }
    void database.finally(() => (isBuilding.value = false))
    const waiting = [...PARTS]
    /** While the database is being built, what does without it. */
    const next = async (): Promise<Part | undefined> => {
      const at = isBuilding.value ? waiting.findIndex((part) => !part.needsDatabase) : 0
      if (at === -1) await database
      return waiting.splice(Math.max(at, 0), 1)[0]
    }
    const lane = async () => {
      for (let part = await next(); part !== undefined; part = await next()) {
        const cluster = part.needsDatabase ? await database : undefined
        if (part.needsDatabase && cluster === undefined)
          tell({ name: part.script, isOk: false, seconds: 0, output: 'not run: there is no database' })
        else tell(await run(part, cluster?.dataDir))
      }
    }
    await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, lane))
  } finally {
    await (await database)?.stop()
  }
  console.log(
    [...outcomes.map(told), `       ${'all'.padEnd(20)} ${since(started).toFixed(1).padStart(5)} s`].join('\n'),
  )
  return outcomes.every(({ isOk }) => isOk)
}

process.exitCode = (await check()) ? 0 : 1
