import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../database.ts'
import { compareGenerated, generateAll } from './generateAll.ts'
import { withScratchDatabase } from './scratch.ts'

/** Brings generated/ up to date, or with `check` only says how it is out of date. Returns what it says, and whether all is well. */
export async function generate({ check }: { check: boolean }): Promise<{ ok: boolean; lines: string[] }> {
  const committed = join(ROOT, 'generated')
  const fresh = await mkdtemp(join(tmpdir(), 'freehold-generated-'))
  try {
    await withScratchDatabase((urls) => generateAll({ urls, outDir: fresh }))
    const differences = await compareGenerated(fresh, committed)
    if (differences.length === 0) return { ok: true, lines: ['generated/ is up to date.'] }
    if (check) {
      return {
        ok: false,
        lines: [...differences.map(({ kind, name }) => `${kind.padEnd(7)} generated/${name}`), 'Run `npm run generate` and commit what it writes.'],
      }
    }
    for (const { kind, name } of differences) {
      const target = join(committed, name)
      if (kind === 'extra') await rm(target)
      else {
        await mkdir(dirname(target), { recursive: true })
        await copyFile(join(fresh, name), target)
      }
    }
    return { ok: true, lines: differences.map(({ kind, name }) => `${kind === 'extra' ? 'removed' : 'written'} generated/${name}`) }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  const { ok, lines } = await generate({ check: values.check })
  for (const line of lines) console.log(line)
  process.exitCode = ok ? 0 : 1
}
