import { mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openBench } from './openBench.ts'
import { median, quantile } from './ratios.ts'
import type { Measure, Row } from './row.ts'

const ROWS = join(import.meta.dirname, 'rows')
const names = readdirSync(ROWS)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))

const {
  values: { profile, root },
  positionals,
} = parseArgs({ allowPositionals: true, options: { profile: { type: 'string' }, root: { type: 'string' } } })
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`No row is called ${unknown.join(', ')}. There are: ${names.join(', ')}.`)
  process.exit(2)
}
const profileDir = profile === undefined ? undefined : resolve(profile)
if (profileDir !== undefined) mkdirSync(profileDir, { recursive: true })

const rows: Row[] = []
for (const name of positionals.length > 0 ? positionals : names)
  rows.push(((await import(join(ROWS, `${name}.ts`))) as { row: Row }).row)

const log = (line: string) => console.error(line)
const server = await openBench({ log, profileDir, root: root === undefined ? undefined : resolve(root) })
// A second signal ends it at once; the embedded server is then found and stopped by nobody.
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (isInterrupted) process.exit(130)
    isInterrupted = true
    log('Stopping.')
    void server.close().finally(() => process.exit(130))
  })
}

const lines: string[][] = [['row', 'ratio', 'quarters', 'budget', '']]
let isShort = false
for (const row of rows) {
  log(`${row.name}: ${row.promise}`)
  try {
    const measures = await server.use((bench) => row.run(bench))
    for (const measure of measures) lines.push(describe(row, measure))
  } catch (error) {
    isShort = true
    lines.push([row.name, '-', '-', budgetOf(row), 'failed'])
    console.error(error)
  }
}
await server.close()

const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
console.log(
  lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n'),
)
process.exit(isShort ? 1 : 0)

function describe(row: Row, { label, ratios, isCounted = true, note }: Measure): string[] {
  if (ratios.length === 0) return [`${row.name}: ${label}`, '-', '-', '', '']
  const middle = median(ratios)
  const isOk = row.direction === 'at least' ? middle >= row.budget : middle <= row.budget
  if (isCounted && !isOk) isShort = true
  return [
    `${row.name}: ${label}${note === undefined ? '' : ` (${note})`}`,
    middle.toFixed(2),
    `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`,
    isCounted ? budgetOf(row) : '',
    isCounted ? (isOk ? 'ok' : 'short') : '',
  ]
}

function budgetOf({ direction, budget }: Row): string {
  return `${direction === 'at least' ? '>=' : '<='} ${budget}`
}
