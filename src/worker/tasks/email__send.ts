import { z } from 'zod'
import { dropEmail, findUnsentEmail, markEmailSent } from '../../../generated/queries/emails.ts'
import { lendingKeys } from '../../db/keys.ts'
import { composeEmail } from '../mail/composeEmail.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({ emailId: z.uuid() })

/**
 * Sends one mail of the outbox and forgets its token. Between sending and forgetting the process may die; the mail is then sent again
 * under the same Message-ID.
 */
export default defineTask(payload, async ({ emailId }, { pool, config, mailer, log }) => {
  const [email] = await findUnsentEmail.run({ emailId }, lendingKeys(pool))
  if (!email) return
  if (email.isForNobody) {
    await dropEmail.run({ emailId }, pool)
    return
  }
  const { messageId } = await mailer.send({
    id: email.id,
    to: email.recipient,
    date: email.createdAt,
    ...composeEmail(email, config.publicUrl),
  })
  await markEmailSent.run({ emailId }, pool)
  log.info({ emailId, kind: email.kind, messageId }, 'mail sent')
})
