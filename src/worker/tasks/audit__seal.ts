import { z } from 'zod'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Seals what the ledger of each tenant has gained, so that later changes to it show. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const { rows: [row] } = await withTenant(pool, { actor: 'audit__seal' }, (client) =>
    client.query<{ sealed: number }>('select app_private.seal_audit() as sealed'))
  if (row!.sealed > 0) log.debug({ sealed: row!.sealed }, 'seals made')
})
