import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Makes the partitions of this month and the coming ones. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const made = await withTenant(pool, { actor: 'partitions__ensure' }, (client) =>
    call(client, 'app_private.ensure_partitions'),
  )
  if (made) log.info({ made }, 'partitions made')
})
