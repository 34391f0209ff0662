import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { apply } from '../../deploy/apply.ts'
import { ROOT, type Server } from '../../deploy/database.ts'
import { compareAuditSources, renderAuditSources, writeAuditSources } from './auditSources.ts'
import { compareGenerated, generateAll } from './generateAll.ts'
import { withScratch, withScratchServer } from '../scratch.ts'

/**
 * Brings generated/ and the sources that follow from the catalog up to date, or with `check` only says how they are out of date.
 * Returns what it says, and whether all is well.
 */
export async function generate({
  check,
  server: joined,
}: {
  check: boolean
  /** Data directory of a server to join; by default one of its own. */
  server?: string
}): Promise<{ ok: boolean; lines: string[] }> {
  const committed = join(ROOT, 'generated')
  const fresh = await mkdtemp(join(tmpdir(), 'freehold-generated-'))
  try {
    const build = (server: Server) =>
      withScratch(server, async (urls) => {
        const sources = await renderAuditSources(urls.owner)
        const outdated = await compareAuditSources(sources, ROOT)
        if (outdated.length > 0 && !check) {
          await writeAuditSources(sources, outdated, ROOT)
          await apply(urls.owner, ROOT)
        }
        await generateAll({ urls, outDir: fresh })
        return outdated
      })
    const stale = await withScratchServer(build, joined)
    const differences = await compareGenerated(fresh, committed)
    if (differences.length + stale.length === 0) return { ok: true, lines: ['generated/ is up to date.'] }
    const told = (kind: string, name: string) =>
      check ? `${kind.padEnd(7)} ${name}` : `${kind === 'extra' ? 'removed' : 'written'} ${name}`
    const lines = [
      ...stale.map(({ kind, name }) => told(kind, name)),
      ...differences.map(({ kind, name }) => told(kind, `generated/${name}`)),
    ]
    if (check) return { ok: false, lines: [...lines, 'Run `npm run generate` and commit what it writes.'] }
    for (const { kind, name } of differences) {
      const target = join(committed, name)
      if (kind === 'extra') await rm(target)
      else {
        await mkdir(dirname(target), { recursive: true })
        await copyFile(join(fresh, name), target)
      }
    }
    return { ok: true, lines }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false }, server: { type: 'string' } } })
  const { ok, lines } = await generate(values)
  for (const line of lines) console.log(line)
  process.exitCode = ok ? 0 : 1
}
