import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport, type SendMailOptions } from 'nodemailer'
import type { Config } from '../../config.ts'

/** A mail ready to leave. */
export interface Mail {
  /** A version 7 UUID; the Message-ID is made of it, so the same mail sent twice is recognised as one. */
  id: string
  /** Address alone, without a name. */
  to: string
  date: Date
  subject: string
  text: string
  html: string
}

export interface Mailer {
  /** Resolves when the mail was accepted: by the SMTP server, or on the disk. */
  send(mail: Mail): Promise<{ messageId: string }>
  close(): void
}

/** How long a mail server may take to answer, milliseconds. */
const CONNECT_MS = 10_000
const ANSWER_MS = 30_000

/** Sends through SMTP_URL; without it, mails become files in <data directory>/mail. */
export function makeMailer(config: Pick<Config, 'smtpUrl' | 'mailFrom' | 'dataDir'>): Mailer {
  const address = (mail: Mail) => ({
    from: config.mailFrom,
    // As an object, so that no address is read as a list of them.
    to: { name: '', address: mail.to },
    messageId: `<${mail.id}@${domainOf(config.mailFrom)}>`,
    date: mail.date,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    // RFC 3834, 5: keeps vacation messages from answering.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return config.smtpUrl === undefined
    ? fileMailer(join(config.dataDir, 'mail'), address)
    : smtpMailer(config.smtpUrl, address)
}

type Message = SendMailOptions & { messageId: string }

function smtpMailer(url: string, address: (mail: Mail) => Message): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 2,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: ANSWER_MS,
  })
  return {
    async send(mail) {
      const message = address(mail)
      await transport.sendMail(message)
      return { messageId: message.messageId }
    },
    close: () => transport.close(),
  }
}

/** One RFC 5322 file a mail, `<id>-<subject>.eml`: the ids are in order of time, so the last name is the newest mail. */
function fileMailer(directory: string, address: (mail: Mail) => Message): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
  return {
    async send(mail) {
      const { text, html, ...message } = address(mail)
      const alternatives = [asWritten('text/plain', text), asWritten('text/html', html)]
      const { message: bytes } = await transport.sendMail({ ...message, alternatives })
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeWhole(join(directory, `${mail.id}-${slug(mail.subject)}.eml`), bytes as Buffer)
      return { messageId: message.messageId }
    },
    close: () => transport.close(),
  }
}

/** A part as it reads, not quoted-printable: a person copies the link and the command out of the file. */
const asWritten = (type: string, content: unknown) => ({
  raw: `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${String(content)}\r\n`,
})

/** Nobody but the owner reads it, since it holds a token, and nobody sees half of it. */
async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  const half = `${path}.${process.pid}.part`
  const file = await open(half, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, path)
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)
}

function domainOf(sender: string): string {
  return /@([^@\s<>]+)>?$/.exec(sender)?.[1] ?? 'localhost'
}
