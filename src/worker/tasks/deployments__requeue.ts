import { z } from 'zod'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Puts deployments whose runner fell silent back into the queue, also when no other runner asks for work. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const {
    rows: [row],
  } = await withTenant(pool, { actor: 'deployments__requeue' }, (client) =>
    client.query<{ requeued: number }>('select app_private.requeue_lost_deployments() as requeued'),
  )
  if (row!.requeued > 0) log.warn({ requeued: row!.requeued }, 'deployments whose runner was lost')
})
