import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { publishSeals } from '../../audit/publishedSeals.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/**
 * Seals what the ledger of each tenant has gained, so that later changes to it show, and appends the seals to the file of seals.
 * Published is what was committed: a transaction of its own, which also catches up on what a killed worker left out.
 */
export default defineTask(payload, async (_payload, { config, pool, log }) => {
  const claims = { actor: 'audit__seal' }
  const sealed = await withTenant(pool, claims, (client) => call(client, 'app_private.seal_audit'))
  const published = await withTenant(pool, claims, (client) => publishSeals(client, config.auditSealsFile))
  if (sealed || published) log.debug({ sealed, published }, 'seals made')
})
