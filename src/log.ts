import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger }

/** What looks like one of our tokens, a bearer header or a password in a URL, wherever it turns up in a text. */
const SECRETS: readonly [RegExp, string][] = [
  [/\bfh[a-z]*_[A-Za-z]+_[A-Za-z0-9_-]{8,}/g, 'fh_[redacted]'],
  [/\bwhsec_[A-Za-z0-9+/=_-]+/g, 'whsec_[redacted]'],
  [/\b[Bb]earer\s+[^\s"',]+/g, 'Bearer [redacted]'],
  [/(\w+:\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[redacted]@'],
  [/Failing row contains \(.*\)/gs, 'Failing row contains ([redacted])'],
]

/** The same text with everything that looks like a credential replaced. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text)
}

/** Fields of an error worth reading in a log; never parameters, which may be anything a client sent. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? withoutSecrets(error) : error
  const fields: Record<string, unknown> = { type: error.name }
  for (const key of [
    'message',
    'stack',
    'code',
    'detail',
    'hint',
    'where',
    'schema',
    'table',
    'column',
    'constraint',
    'routine',
  ]) {
    const value: unknown = (error as unknown as Record<string, unknown>)[key]
    if (value !== undefined && value !== null) fields[key] = typeof value === 'string' ? withoutSecrets(value) : value
  }
  if (error.cause !== undefined) fields.cause = serializeError(error.cause)
  return fields
}

/** Structured log, one JSON object a line, on standard output unless `destination` says otherwise. */
export function makeLogger(options: { level?: string; destination?: DestinationStream } = {}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'authorization',
        'cookie',
        'token',
        'password',
        'secret',
        '*.authorization',
        '*.cookie',
        '*.token',
        '*.password',
        '*.secret',
        'req.headers',
        'res.headers',
      ],
      censor: '[redacted]',
    },
    serializers: { err: serializeError, error: serializeError },
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}
