import { openAuditPair, type Writer } from '../auditPair.ts'
import { byTurns, speedOf } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 40
const ROUND_MS = 150

export const row: Row = {
  name: 'auditWrite',
  promise: 'audited single-row insert and update against unaudited, each committed, writes/s',
  budget: 0.4,
  direction: 'at least',
  async run(bench) {
    const { audited, bare } = await openAuditPair(bench)
    const insert = ({ client, tenantId }: Writer) => {
      let n = 0
      return () =>
        client.query({
          name: 'insert',
          text: 'insert into app_public.teams (tenant_id, name) values ($1, $2)',
          values: [tenantId, `team ${n++}`],
        })
    }
    const update = ({ client, tenantId }: Writer) => {
      let n = 0
      return () =>
        client.query({
          name: 'update',
          text: 'update app_public.teams set description = $3 where tenant_id = $1 and name = $2',
          values: [tenantId, `team ${n++ % 100}`, `text ${n}`],
        })
    }
    const measures = []
    for (const [label, work] of [
      ['insert', insert],
      ['update', update],
    ] as const) {
      const [ours, theirs] = [work(audited), work(bare)]
      for (const each of [ours, theirs]) await speedOf(ROUND_MS * 5, each)
      const pairs = await byTurns(
        ROUNDS,
        () => speedOf(ROUND_MS, ours),
        () => speedOf(ROUND_MS, theirs),
      )
      measures.push({ label, ratios: pairs.map(([a, b]) => a / b) })
    }
    const {
      rows: [count],
    } = await audited.client.query<{ teams: string; versions: string }>(
      `select (select count(*) from app_public.teams) as teams, (select count(*) from audit.row_versions where table_name = 'teams' and action = 'insert') as versions`,
    )
    if (count!.teams !== count!.versions) throw new Error(`${count!.teams} teams and ${count!.versions} versions`)
    return measures
  },
}
