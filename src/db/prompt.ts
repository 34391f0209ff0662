import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import pg from 'pg'
import { ConfigurationError, environmentWith } from '../config.ts'
import { errorCode } from '../errorCode.ts'
import { databaseOf } from './database.ts'
import { withClient } from './scratch.ts'

/** psql on this terminal; where it is not installed, a plain prompt that runs what ends in a semicolon. */
export async function openPrompt(url: string): Promise<void> {
  await withClient(url, async () => {}).catch((cause: unknown) => {
    if (!['3D000', '28P01'].includes(errorCode(cause) ?? '')) throw cause
    throw new ConfigurationError(['The database or its roles are not there yet: run npm run db:apply first.'], { cause })
  })
  if (!(await runPsql(url))) await withClient(url, (client) => readAndRun(client, databaseOf(url)))
}

/** False when there is no psql. The password goes through the environment: arguments are shown by ps. */
function runPsql(url: string): Promise<boolean> {
  const bare = new URL(url)
  const password = decodeURIComponent(bare.password)
  bare.password = ''
  const child = spawn('psql', [bare.href], { stdio: 'inherit', env: environmentWith({ PGPASSWORD: password }) })
  return new Promise((done) => {
    child.on('error', () => done(false))
    child.on('exit', () => done(true))
  })
}

async function readAndRun(client: pg.Client, database: string): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: `${database}=> ` })
  // Piped input ends before the last lines are run; a closed interface refuses to prompt.
  let isOpen = true
  lines.on('close', () => (isOpen = false))
  let statement = ''
  lines.prompt()
  for await (const line of lines) {
    if (statement === '' && ['\\q', 'exit', 'quit'].includes(line.trim())) break
    statement += `${line}\n`
    if (line.trimEnd().endsWith(';')) {
      await run(client, statement)
      statement = ''
    }
    if (isOpen) lines.prompt()
  }
  lines.close()
}

async function run(client: pg.Client, statement: string): Promise<void> {
  try {
    // Several statements give several results, which the types of pg do not say.
    const results = [await client.query(statement)].flat()
    for (const { command, rowCount, rows } of results) {
      if (rows.length > 0) console.table(rows)
      console.log(`${command} ${rowCount ?? ''}`.trimEnd())
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
}
