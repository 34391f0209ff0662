import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { ROOT } from '../src/deploy/database.ts'

const SRC = join(ROOT, 'src')

/** The picture of src/README.md: a room may import from those it names, from itself, and from generated/. */
const BELOW: Record<string, readonly string[]> = {
  errorCode: [],
  limits: [],
  config: ['errorCode', 'limits'],
  log: [],
  errors: [],
  shutdown: [],
  db: ['config', 'errors', 'log', 'errorCode'],
  deploy: ['config', 'errorCode', 'db'],
  audit: ['config', 'errorCode', 'db', 'deploy'],
  operator: ['config', 'errorCode', 'errors', 'db', 'deploy'],
  graphql: ['db', 'errors', 'limits', 'log'],
  server: ['config', 'db', 'errors', 'limits', 'log', 'graphql'],
  worker: ['config', 'db', 'log', 'errorCode', 'audit'],
  main: ['config', 'log', 'shutdown', 'db', 'deploy', 'server', 'worker'],
  dev: ['config', 'errors', 'errorCode', 'log', 'db', 'deploy', 'graphql', 'audit', 'worker', 'operator'],
}

const roomOf = (file: string): string => relative(SRC, file).split('/')[0]!.replace(/\.ts$/, '')

test('imports run one way', () => {
  const upwards: string[] = []
  const met = new Set<string>()
  for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((each) => each.endsWith('.ts'))) {
    const file = join(SRC, name)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()'(\.{1,2}\/[^']+)'/g)) {
      const target = join(dirname(file), path!)
      const [from, to] = [roomOf(file), roomOf(target)]
      if (relative(ROOT, target).startsWith('generated/') || from === to) continue
      met.add(`${from} ${to}`)
      if (!BELOW[from]?.includes(to)) upwards.push(`src/${name} imports ${relative(ROOT, target)}`)
    }
  }
  expect(upwards).toEqual([])
  // There was something to look at.
  expect(met.size).toBeGreaterThan(20)
})
