import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../../src/deploy/database.ts'
import { lintSql } from '../../src/dev/lintSql.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'freehold-lint-sql-'))
})

afterEach(() => rm(root, { recursive: true, force: true }))

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

test('a line of more than 120 columns is told with its place, in every folder that is written by hand', async () => {
  await write({
    'functions/app_public/boats/sail.sql': `select 1;\n${'x'.repeat(121)}\n`,
    'policies/app_public/boats.sql': `${'ö'.repeat(60)}${'⛵'.repeat(60)}\n${'⛵'.repeat(130)}`,
    'sql/tables.sql': `${'x'.repeat(120)}\n`,
    'sql/README.md': 'x'.repeat(121),
    'migrations/committed/000001.sql': 'x'.repeat(121),
    'generated/sql/functions/boats.sql': 'x'.repeat(121),
  })
  expect(await lintSql(root)).toEqual([
    'functions/app_public/boats/sail.sql:2: 121 columns; 120 at most',
    'policies/app_public/boats.sql:2: 130 columns; 120 at most',
  ])
})

test('what is in the repository passes', async () => {
  expect(await lintSql(ROOT)).toEqual([])
})
