import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepTemplate, takeTemplate } from '../../src/dev/templateFiles.ts'

let folder: string
let cache: string
let runs: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-template-test-'))
  cache = join(folder, 'cache')
  runs = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A data directory, as far as copying goes. */
function cluster(text: string): string {
  const data = join(folder, `built-${(runs += 1)}`)
  mkdirSync(join(data, 'base'), { recursive: true })
  writeFileSync(join(data, 'base/1'), text)
  return data
}
async function take(checksum: string): Promise<string | undefined> {
  const data = join(folder, `taken-${(runs += 1)}`)
  return (await takeTemplate(checksum, data, {}, cache)) ? data : undefined
}
const textOf = (data: string | undefined) => data && readFileSync(join(data, 'base/1'), 'utf8')

test('what was kept is taken under its checksum alone, and what a run does to its copy stays there', async () => {
  expect(await take('one')).toBeUndefined()
  await keepTemplate('one', cluster('first'), cache)
  const copy = await take('one')
  expect(textOf(copy)).toBe('first')
  writeFileSync(join(copy!, 'base/1'), 'changed')
  expect(textOf(await take('one'))).toBe('first')
  expect(await take('two')).toBeUndefined()
})

test('of several that keep at once one stays, whole', async () => {
  await Promise.all(['a', 'b', 'c'].map((text) => keepTemplate('one', cluster(text), cache)))
  expect(textOf(await take('one'))).toMatch(/^[abc]$/)
  expect(readdirSync(cache)).toEqual(['one'])
})

test('one that is not whole is thrown away and built anew', async () => {
  await keepTemplate('one', cluster('first'), cache)
  truncateSync(join(cache, 'one/data/base/1'), 2)
  expect(await take('one')).toBeUndefined()
  await keepTemplate('one', cluster('second'), cache)
  expect(textOf(await take('one'))).toBe('second')
})

test('one that a killed run left aside is never taken, and goes after a while; of the whole ones three stay', async () => {
  const long = new Date(Date.now() - 3_600_000)
  mkdirSync(join(cache, '.aside-of-the-dead/data'), { recursive: true })
  mkdirSync(join(cache, '.aside-of-the-living'))
  utimesSync(join(cache, '.aside-of-the-dead'), long, long)
  for (const name of ['one', 'two', 'three']) {
    await keepTemplate(name, cluster(name), cache)
    utimesSync(join(cache, name), long, long)
  }
  // Used again, so the other old ones go first.
  await take('one')
  utimesSync(join(cache, 'two'), new Date(0), new Date(0))
  await keepTemplate('four', cluster('four'), cache)
  expect(readdirSync(cache).sort()).toEqual(['.aside-of-the-living', 'four', 'one', 'three'])
})
