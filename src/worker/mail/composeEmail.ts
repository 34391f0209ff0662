import { z } from 'zod'

/** A row of app_private.emails with its token in clear. */
export interface EmailToCompose {
  kind: string
  token: string | null
  /** See the calls of app_private.send_email. */
  details: unknown
}

/** Subject and body; the HTML says the same as the text. */
export interface ComposedEmail {
  subject: string
  text: string
  html: string
}

const Details = z
  .object({
    name: z.string(),
    tenant: z.string(),
    role: z.string(),
    invitedBy: z.string(),
    act: z.string(),
    operator: z.string(),
    reason: z.string(),
  })
  .partial()

/** What an operator did to a tenant, in the words of its owners. */
const ACTS: Readonly<Record<string, string>> = {
  'operator.tenant_suspended': 'suspended your tenant: nobody can act in it for now',
  'operator.tenant_restored': 'opened your tenant again',
  'operator.tenant_closed': 'closed your tenant',
  'operator.tenant_entered': 'took the leave you gave and now looks into your tenant, as a viewer would',
}

/** One mail in words: what happened, what to do about it, and how to do it without a browser. */
interface Words {
  subject: string
  /** One paragraph each. */
  before: string[]
  action: string
  /** Path of the page that takes the token. */
  path: string
  /** Mutation that takes the token, as a GraphQL document in which $token stands for it. */
  mutation: string
  after: string[]
  /** The token of this kind opens nothing, and is not shown. */
  hasNoToken?: true
}

const words: Record<string, (details: z.output<typeof Details>) => Words> = {
  verify_email: ({ name }) => ({
    subject: 'Confirm your address',
    before: [
      `Hello ${oneLine(name) || 'there'},`,
      'somebody asked for an account with this address. If it was you, confirm that it is yours:',
    ],
    action: 'Confirm the address',
    path: '/verify-email',
    mutation: 'mutation { verifyEmail(input: {token: "$token"}) { result { isDone } } }',
    after: [
      'The link is good for seven days; the account has the password that was chosen then.',
      'If it was not you, do not confirm it: without that there is no account, and there is nothing to do.',
    ],
  }),
  already_registered: () => ({
    subject: 'You have an account already',
    before: [
      'Hello,',
      'somebody asked for an account with this address, which has one. If it was you, log in; if the password is lost, ask for a new one:',
    ],
    action: 'Ask for a new password',
    path: '/request-password-reset',
    mutation: 'mutation { requestPasswordReset(input: {email: "YOUR_ADDRESS"}) { result { isDone } } }',
    after: ['If it was not you, there is nothing to do: nobody was told that the account exists.'],
    hasNoToken: true,
  }),
  login_code: ({ name }) => ({
    subject: 'A code to log in with',
    before: [
      `Hello ${oneLine(name) || 'there'},`,
      'so many log-ins to your account failed that the next one asks for this code besides your password:',
    ],
    action: 'Log in',
    path: '/login',
    mutation:
      'mutation { login(input: {email: "YOUR_ADDRESS", password: "...", code: "$token"}) { result { token deviceToken } } }',
    after: [
      'The code is good for two hours, and for one log-in. Your password is as safe as it is long: nobody has got in.',
      'A device on which you logged in before, and whose client keeps its device token, is not asked.',
    ],
  }),
  reset_password: ({ name }) => ({
    subject: 'Choose a new password',
    before: [`Hello ${oneLine(name) || 'there'},`, 'a new password was asked for. Choose it here:'],
    action: 'Choose a password',
    path: '/reset-password',
    mutation: 'mutation { resetPassword(input: {token: "$token", newPassword: "..."}) { result { isDone } } }',
    after: ['The link works once and not for long. If it was not you, your password stays as it is.'],
  }),
  invitation: ({ tenant, role, invitedBy }) => ({
    subject: `${oneLine(invitedBy) || 'Somebody'} invites you to ${oneLine(tenant) || 'a tenant'}`,
    before: [
      'Hello,',
      `${oneLine(invitedBy) || 'somebody'} invites you to join ${oneLine(tenant) || 'a tenant'} as ${oneLine(role) || 'member'}:`,
    ],
    action: 'Accept the invitation',
    path: '/accept-invitation',
    mutation: 'mutation { acceptInvitation(input: {token: "$token"}) { tenantMember { role } } }',
    after: ['Log in with this address first, or register it. The invitation is good for seven days.'],
  }),
  change_email: ({ name }) => ({
    subject: 'Confirm your new address',
    before: [
      `Hello ${oneLine(name) || 'there'},`,
      'the address of your account is to become this one. Confirm that it is yours:',
    ],
    action: 'Confirm the address',
    path: '/confirm-email',
    mutation: 'mutation { confirmEmail(input: {token: "$token"}) { result { isDone } } }',
    after: [
      'The link is good for a day. Until then the old address counts. If it was not you, there is nothing to do.',
    ],
  }),
  email_changing: ({ name, reason }) => ({
    subject: 'The address of your account is to change',
    before: [
      `Hello ${oneLine(name) || 'there'},`,
      `an operator of the platform was asked to give your account another address (${oneLine(reason)}). It changes when that address is confirmed.`,
      'If you did not ask for it, change your password and answer whoever runs the platform at once:',
    ],
    action: 'Choose another password',
    path: '/change-password',
    mutation: 'mutation { requestPasswordReset(input: {email: "YOUR_ADDRESS"}) { result { isDone } } }',
    after: ['Your password and second factor stay as they are.'],
    hasNoToken: true,
  }),
  operator_notice: ({ tenant, act, operator, reason }) => ({
    subject: `An operator acted on ${oneLine(tenant) || 'your tenant'}`,
    before: [
      'Hello,',
      `${oneLine(operator) || 'an operator'}, who operates the platform, ${ACTS[act ?? ''] ?? 'did something to your tenant'}: ${oneLine(tenant)}.`,
      `The reason given: ${oneLine(reason)}`,
    ],
    action: 'Read the audit log',
    path: '/audit-log',
    mutation: 'query { auditLogs(first: 20) { nodes { action createdAt userId } } }',
    after: ['It stands in the audit log of the tenant, and so does everything that an operator asks for there.'],
    hasNoToken: true,
  }),
}

/**
 * Writes the mail. The token is behind the # of the link, which browsers keep from servers and their logs, and once more in clear,
 * since an API has users without a browser.
 * @param publicUrl without a trailing slash.
 * @throws when the kind is unknown or the token is gone.
 */
export function composeEmail({ kind, token, details }: EmailToCompose, publicUrl: string): ComposedEmail {
  const write = words[kind]
  if (!write) throw new Error(`No words for a mail of kind ${kind}`)
  if (token === null) throw new Error('The token of the mail is gone')
  const { subject, before, action, path, mutation, after, hasNoToken = false } = write(Details.parse(details))
  const link = `${publicUrl}${path}${hasNoToken ? '' : `#token=${encodeURIComponent(token)}`}`
  const body = JSON.stringify({ query: mutation.replace('$token', token) })
  const headers = kind === 'invitation' ? `-H 'Authorization: Bearer YOUR_SESSION_TOKEN' ` : ''
  const curl = `curl ${publicUrl}/graphql ${headers}-H 'Content-Type: application/json' -d '${body}'`
  const byHand = hasNoToken ? ['Or without a browser:', curl] : ['Or with the token itself:', token, curl]

  const text = [...before, link, ...byHand, ...after].join('\n\n') + '\n'
  const html = [
    ...before.map(paragraph),
    `<p><a href="${escapeHtml(link)}">${escapeHtml(action)}</a></p>`,
    paragraph(byHand[0]!),
    ...byHand.slice(1).map((line) => `<pre>${escapeHtml(line)}</pre>`),
    ...after.map(paragraph),
  ].join('\n')
  return { subject, text, html: `<!doctype html>\n<meta charset="utf-8">\n${html}\n` }
}

/** Names are written by users: no line breaks that would fake paragraphs, and no more of them than a name needs. */
function oneLine(text: string | undefined): string {
  return (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 100)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`
}
