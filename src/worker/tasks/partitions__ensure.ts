import { z } from 'zod'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Makes the partitions of this month and the coming ones. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const {
    rows: [row],
  } = await withTenant(pool, { actor: 'partitions__ensure' }, (client) =>
    client.query<{ made: number }>('select app_private.ensure_partitions() as made'),
  )
  if (row!.made > 0) log.info({ made: row!.made }, 'partitions made')
})
