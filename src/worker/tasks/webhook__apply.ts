import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { withoutSecrets } from '../../log.ts'
import { recordWebhookFailure } from '../../../generated/queries/webhooks.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({ tenantId: z.uuid(), webhookEventId: z.uuid() })

/** Applies one event of the inbox. A failure is written on the event, where its tenant sees it, and the job is tried again. */
export default defineTask(payload, async ({ tenantId, webhookEventId }, { pool, log }) => {
  const claims = { tenant_id: tenantId, actor_type: 'webhook', actor: 'webhook__apply', request_id: webhookEventId }
  try {
    const outcome = await withTenant(pool, claims, (client) =>
      call(client, 'app_private.apply_webhook_event', { tenant_id: tenantId, webhook_event_id: webhookEventId }),
    )
    log.info({ tenantId, webhookEventId, outcome }, 'webhook applied')
  } catch (error) {
    const message = withoutSecrets(error instanceof Error ? error.message : String(error)).slice(0, 1000)
    // A transaction of its own: the one that failed has taken back all it did. The first error is the one worth keeping.
    await withTenant(pool, claims, (client) =>
      recordWebhookFailure.run({ tenantId, webhookEventId, error: message }, client),
    ).catch((second: unknown) => log.warn({ err: second, webhookEventId }, 'a failure could not be written down'))
    throw error
  }
})
