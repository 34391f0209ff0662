import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Puts deployments whose runner fell silent back into the queue, also when no other runner asks for work. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const requeued = await withTenant(pool, { actor: 'deployments__requeue' }, (client) =>
    call(client, 'app_private.requeue_lost_deployments'),
  )
  if (requeued) log.warn({ requeued }, 'deployments whose runner was lost')
})
