import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({ tenantId: z.uuid().optional(), deploymentId: z.uuid().optional() })

/** Puts deployments whose runner fell silent back into the queue: every minute, and when the lease that is named expires. */
export default defineTask(payload, async ({ tenantId, deploymentId }, { pool, log }) => {
  const requeued = await withTenant(pool, { actor: 'deployments__requeue' }, (client) =>
    call(client, 'app_private.requeue_lost_deployments', { tenant_id: tenantId, deployment_id: deploymentId }),
  )
  if (requeued) log.warn({ requeued }, 'deployments whose runner was lost')
})
