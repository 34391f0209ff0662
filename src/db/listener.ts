import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerError } from '../errors.ts'
import type { Logger } from '../log.ts'

/** Notifications that wait for a reader before it counts as too slow. */
const QUEUE_LENGTH = 1000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

export interface Listener {
  /** False from the moment the connection is lost until LISTEN is in force again. */
  readonly isListening: boolean
  /**
   * Payloads of a channel from now on; resolves when the server has confirmed LISTEN, so nothing committed later is missed.
   * The iterable ends when `signal` aborts and throws SUBSCRIPTION_INTERRUPTED when the connection is lost.
   */
  subscribe(channel: string, signal: AbortSignal): Promise<AsyncIterable<string>>
  close(): Promise<void>
}

export interface ListenerOptions {
  connectionString: string
  log: Logger
  /** Channels listened to for as long as the listener lives, through every reconnection. */
  always?: Readonly<Record<string, (payload: string) => void>>
  /** Told when LISTEN comes into force and when it is lost. */
  onChange?: (isListening: boolean) => void
}

/** One reader of one channel. */
interface Reader {
  push(payload: string): void
  fail(error: Error): void
}

/**
 * LISTEN on one connection of its own, for everybody. The stock PgSubscriber does not tell when LISTEN is in force, and
 * whoever reads a backlog first and listens then, or the other way round without knowing, misses what comes between.
 */
export async function makeListener({
  connectionString,
  log,
  always = {},
  onChange = () => {},
}: ListenerOptions): Promise<Listener> {
  const readers = new Map<string, Set<Reader>>()
  const closing = new AbortController()
  let client: pg.Client | undefined
  let isListening = false
  // LISTEN and UNLISTEN one after the other, in the order they were asked for.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString,
      application_name: `freehold-listener ${process.pid}`,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    })
    const lost = (error?: Error) => {
      if (client !== next) return
      client = undefined
      isListening = false
      if (closing.signal.aborted) return
      log.warn({ err: error }, 'listening connection lost')
      onChange(false)
      for (const reader of [...readers.values()].flatMap((set) => [...set]))
        reader.fail(new ServerError('SUBSCRIPTION_INTERRUPTED'))
      readers.clear()
      void reconnect()
    }
    next.on('error', lost)
    next.on('end', () => lost())
    next.on('notification', ({ channel, payload = '' }) => {
      always[channel]?.(payload)
      for (const reader of readers.get(channel) ?? []) reader.push(payload)
    })
    try {
      await next.connect()
      for (const channel of Object.keys(always)) await next.query(`listen ${next.escapeIdentifier(channel)}`)
    } catch (error) {
      next.end().catch(() => {})
      throw error
    }
    if (closing.signal.aborted) return next.end()
    client = next
    isListening = true
    onChange(true)
  }

  async function reconnect(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !closing.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await sleep(pause, undefined, { signal: closing.signal })
        return await connect()
      } catch (error) {
        if (!closing.signal.aborted) log.warn({ err: error }, 'listening connection not restored yet')
      }
    }
  }

  function remove(channel: string, reader: Reader): void {
    const set = readers.get(channel)
    if (!set?.delete(reader) || set.size > 0) return
    readers.delete(channel)
    inTurn(async () => {
      if (!readers.has(channel)) await client?.query(`unlisten ${pg.escapeIdentifier(channel)}`)
    }).catch(() => {})
  }

  async function subscribe(channel: string, signal: AbortSignal): Promise<AsyncIterable<string>> {
    if (!client) throw new ServerError('UNAVAILABLE', 'Live updates are not available now; try again later.')
    const waiting: string[] = []
    let failure: Error | undefined
    let wake = () => {}
    const reader: Reader = {
      push(payload) {
        if (waiting.length >= QUEUE_LENGTH) return reader.fail(new ServerError('SUBSCRIPTION_TOO_SLOW'))
        waiting.push(payload)
        wake()
      },
      fail(error) {
        failure ??= error
        wake()
      },
    }
    const set = readers.get(channel) ?? new Set()
    set.add(reader)
    readers.set(channel, set)
    signal.addEventListener(
      'abort',
      () => {
        remove(channel, reader)
        wake()
      },
      { once: true },
    )
    try {
      await inTurn(async () => {
        if (failure) throw failure
        await client?.query(`listen ${pg.escapeIdentifier(channel)}`)
      })
      log.debug({ channel }, 'listening')
    } catch (error) {
      remove(channel, reader)
      throw error
    }

    return {
      async *[Symbol.asyncIterator]() {
        try {
          while (!signal.aborted) {
            if (failure) throw failure
            const payload = waiting.shift()
            if (payload !== undefined) yield payload
            else await new Promise<void>((resolve) => (wake = resolve))
          }
        } finally {
          remove(channel, reader)
        }
      },
    }
  }

  await connect()
  return {
    get isListening() {
      return isListening
    },
    subscribe,
    async close() {
      closing.abort()
      const last = client
      client = undefined
      isListening = false
      await last?.end().catch(() => {})
    },
  }
}
