import { parseArgs } from 'node:util'
import { ConfigurationError, loadConfig } from '../config.ts'
import { openServer } from '../deploy/database.ts'
import { withClient } from '../db/withClient.ts'
import { errorCode } from '../errorCode.ts'
import { readPublishedSeals } from './publishedSeals.ts'
import { UnknownTenantError, verifyAudit, type Finding, type TenantReport } from './verify.ts'

const USAGE = 'npm run audit:verify [-- --tenant <slug or id>] [-- --seals <file>]'

/** 3456 as 3 456. */
const grouped = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, ' ')
const plural = (count: number, noun: string) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`

/** One line for a tenant; for one whose ledger was changed a line more for each finding. */
export function describeReport({ tenant, seals, versions, unsealed, findings }: TenantReport): string {
  const [first] = findings
  const verdict = !first
    ? 'clean'
    : first.seal === null
      ? 'CHANGED in what is not sealed yet'
      : `CHANGED, first in seal ${first.seal}`
  const line = `${tenant}: ${plural(seals, 'seal')}, ${plural(versions, 'version')}, ${verdict}; ${grouped(unsealed)} not sealed yet`
  return [line, ...findings.map(describeFinding)].join('\n')
}

function describeFinding({ seal, kind, what, table, rowId, versionId, at }: Finding): string {
  const where = seal === null ? 'not sealed' : `seal ${seal}`
  if (kind === 'seal') return `  ${where}  ${what}`
  return `  ${where}  ${kind.padEnd(9)}  ${table ?? 'table unknown'} ${rowId ?? ''}  version ${versionId} of ${at}: ${what}`
}

/** @returns the exit code: 1 when anything is wrong. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { tenant: { type: 'string' }, seals: { type: 'string' } } })
  const published = values.seals === undefined ? undefined : await readPublishedSeals(values.seals)
  for (const line of published?.damaged ?? [])
    console.error(
      `${values.seals}, line ${line}, is no seal: a crash may tear a line, whose seal follows whole; anything else is suspicious.`,
    )
  const server = await openServer(loadConfig())
  try {
    const reports = await withClient(server.urls.superuser ?? server.urls.owner, (client) =>
      verifyAudit(client, { tenant: values.tenant, published: published?.seals }),
    )
    for (const report of reports) console.log(describeReport(report))
    return reports.some((report) => report.findings.length > 0) ? 1 : 0
  } finally {
    await server.leave()
  }
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    const isUsage = errorCode(error)?.startsWith('ERR_PARSE_ARGS') === true
    const isExpected =
      error instanceof ConfigurationError ||
      error instanceof UnknownTenantError ||
      errorCode(error) === 'ENOENT' ||
      isUsage
    if (!(error instanceof Error)) console.error(String(error))
    else console.error(isExpected ? `${error.message}${isUsage ? `\n${USAGE}` : ''}` : (error.stack ?? error.message))
    process.exitCode = 2
  }
}
