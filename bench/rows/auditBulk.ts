import { openAuditPair, type Writer } from '../auditPair.ts'
import { byTurns } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 5
const ROWS = 50_000

export const row: Row = {
  name: 'auditBulk',
  promise: `audited insert of ${ROWS.toLocaleString('en')} rows in one statement against unaudited, rows/s`,
  budget: 0.25,
  direction: 'at least',
  async run(bench) {
    const { audited, bare } = await openAuditPair(bench)
    let round = 0
    const insert = async ({ client, tenantId }: Writer) => {
      const start = performance.now()
      await client.query(
        `insert into app_public.teams (tenant_id, name) select $1, $2::text || g from generate_series(1, ${ROWS}) g`,
        [tenantId, `${round++}-`],
      )
      return performance.now() - start
    }
    for (const each of [audited, bare]) await insert(each)
    const pairs = await byTurns(
      ROUNDS,
      () => insert(audited),
      () => insert(bare),
    )
    const {
      rows: [count],
    } = await audited.client.query<{ versions: string }>(
      `select count(*) as versions from audit.row_versions where table_name = 'teams'`,
    )
    if (Number(count!.versions) !== (ROUNDS + 1) * ROWS) throw new Error(`${count!.versions} versions`)
    return [{ label: 'insert', ratios: pairs.map(([a, b]) => b / a) }]
  },
}
