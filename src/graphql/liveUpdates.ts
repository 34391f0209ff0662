import { setTimeout as sleep } from 'node:timers/promises'
import type { PreparedQuery } from '@pgtyped/runtime'
import type { WithPgClient } from 'postgraphile/@dataplan/pg'
import {
  findClaimable,
  findDeployment,
  findEventOfDeployment,
  findLastLogSequence,
  findProject,
  mayClaim,
} from '../../generated/queries/liveUpdates.ts'
import { ServerError } from '../errors.ts'
import type { Listener } from '../db/listener.ts'

/** Most log lines in one event. */
const LOG_BATCH = 500
/** Bytes that may wait in a socket before the next batch of a backlog is read. */
const SOCKET_BACKLOG = 256 * 1024

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Who subscribes: the same settings that a query of theirs would run under. */
export interface Subscriber {
  pgSettings: Record<string, string | undefined>
  withPgClient: WithPgClient
  /** Bytes sent but not yet taken by the subscriber's connection. */
  unsentBytes: () => number
}

/** `failure` is the last event of a subscription that could not go on; the plan of the field throws it. */
export type LiveEvent<T> = (T & { failure?: undefined }) | { failure: Error }

export interface DeploymentChange {
  eventId: string
  type: string
  deploymentId: string
}

export interface DeploymentWaiting {
  deploymentId: string
}

/** Lines with `after < sequence <= upto`; both are int8 as text. */
export interface LogRange {
  deploymentId: string
  after: string
  upto: string
}

export type DeploymentChangedTopic = Subscriber & {
  kind: 'deploymentChanged'
  projectId: string | null
  id: string | null
}
export type DeploymentLogsTopic = Subscriber & { kind: 'deploymentLogs'; deploymentId: string; after: string }
export type DeploymentWaitingTopic = Subscriber & {
  kind: 'deploymentWaiting'
  environments: string[] | null
}
type Topic = DeploymentChangedTopic | DeploymentLogsTopic | DeploymentWaitingTopic

/** What Grafast's `listen` step takes for a source of events. */
export interface LiveUpdates {
  subscribe(topic: DeploymentChangedTopic): Promise<AsyncIterableIterator<LiveEvent<DeploymentChange>>>
  subscribe(topic: DeploymentLogsTopic): Promise<AsyncIterableIterator<LiveEvent<LogRange>>>
  subscribe(topic: DeploymentWaitingTopic): Promise<AsyncIterableIterator<LiveEvent<DeploymentWaiting>>>
}

/** Turns notifications into events, each checked under the subscriber's own role and claims. */
export function makeLiveUpdates(listener: Listener): LiveUpdates {
  async function subscribe(topic: Topic): Promise<AsyncIterableIterator<never>> {
    const stop = new AbortController()
    const source: AsyncGenerator<LogRange | DeploymentChange | DeploymentWaiting> =
      topic.kind === 'deploymentLogs'
        ? await deploymentLogs(listener, topic, stop.signal)
        : topic.kind === 'deploymentWaiting'
          ? await deploymentWaiting(listener, topic, stop.signal)
          : await deploymentChanged(listener, topic, stop.signal)
    return untilStopped(source, stop) as AsyncIterableIterator<never>
  }
  return { subscribe } as LiveUpdates
}

async function deploymentLogs(
  listener: Listener,
  topic: DeploymentLogsTopic,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogRange>> {
  const deploymentId = uuid(topic.deploymentId)
  let after = sequence(topic.after)
  await mustSee(topic, findDeployment, deploymentId)
  // From here on nothing is missed: LISTEN first, then the backlog, then what was notified meanwhile.
  const notifications = await listener.subscribe(`deployment_logs:${deploymentId}`, signal)
  const [last] = await read(topic, findLastLogSequence, { deploymentId })

  return (async function* () {
    async function* upTo(end: bigint): AsyncGenerator<LogRange> {
      while (after < end && !signal.aborted) {
        // Who may not see it any more hears nothing, not even how far it is.
        if ((await read(topic, findDeployment, { id: deploymentId })).length === 0) return
        const upto = after + BigInt(LOG_BATCH) < end ? after + BigInt(LOG_BATCH) : end
        yield { deploymentId, after: String(after), upto: String(upto) }
        after = upto
        while (topic.unsentBytes() > SOCKET_BACKLOG && !signal.aborted) await sleep(10)
      }
    }
    if (last) yield* upTo(BigInt(last.sequence))
    for await (const payload of notifications) {
      const { sequence: end } = parse(payload)
      if (typeof end === 'number' || (typeof end === 'string' && /^\d+$/.test(end))) yield* upTo(BigInt(end))
    }
  })()
}

async function deploymentChanged(
  listener: Listener,
  topic: DeploymentChangedTopic,
  signal: AbortSignal,
): Promise<AsyncGenerator<DeploymentChange>> {
  const projectId = topic.projectId === null ? null : uuid(topic.projectId)
  const id = topic.id === null ? null : uuid(topic.id)
  const tenantId = tenantOf(topic)
  if (projectId !== null) await mustSee(topic, findProject, projectId)
  if (id !== null) await mustSee(topic, findDeployment, id)
  const notifications = await listener.subscribe(`events:${tenantId}`, signal)

  return (async function* () {
    for await (const payload of notifications) {
      const event = parse(payload)
      if (event.subjectType !== 'deployment' || typeof event.subjectId !== 'string') continue
      if (projectId !== null && event.projectId !== projectId) continue
      if (id !== null && event.subjectId !== id) continue
      const [eventId, createdAt] = [String(event.id), String(event.createdAt)]
      const [seen] = await read(topic, findEventOfDeployment, { eventId, createdAt })
      if (seen) yield { eventId, type: seen.type, deploymentId: event.subjectId }
    }
  })()
}

async function deploymentWaiting(
  listener: Listener,
  topic: DeploymentWaitingTopic,
  signal: AbortSignal,
): Promise<AsyncGenerator<DeploymentWaiting>> {
  const tenantId = tenantOf(topic)
  const [may] = await read(topic, mayClaim, {})
  if (!may?.mayClaim) throw new ServerError('FORBIDDEN')
  // LISTEN first, then what waits already: what comes between is told twice rather than not at all.
  const notifications = await listener.subscribe(`events:${tenantId}`, signal)

  return (async function* () {
    const look = () => read(topic, findClaimable, { environments: topic.environments })
    for (const { id } of await look()) yield { deploymentId: id }
    for await (const payload of notifications) {
      if (parse(payload).subjectType !== 'deployment') continue
      for (const { id } of await look()) yield { deploymentId: id }
    }
  })()
}

/**
 * The generator as an iterator that stops at once: `return()` of a generator waits for the value it is waiting for, which
 * may never come. A failure becomes the last event, since an iterator that throws would cost the client its whole socket.
 */
function untilStopped<T>(source: AsyncGenerator<T>, stop: AbortController): AsyncIterableIterator<LiveEvent<T>> {
  const end = { done: true, value: undefined } as const
  const iterator: AsyncIterableIterator<LiveEvent<T>> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      if (stop.signal.aborted) return end
      try {
        return (await source.next()) as IteratorResult<LiveEvent<T>>
      } catch (error) {
        stop.abort()
        return { done: false, value: { failure: error as Error } }
      }
    },
    async return() {
      stop.abort()
      return end
    },
    async throw() {
      stop.abort()
      return end
    },
  }
  return iterator
}

function tenantOf({ pgSettings }: Subscriber): string {
  const tenantId = pgSettings['app.tenant_id']
  if (!tenantId) throw new ServerError('UNAUTHENTICATED', 'Live updates need a signed-in member of a tenant.')
  return tenantId
}

/** Rows of one query under the subscriber's claims, in their tenant. */
async function read<Parameters, Row>(
  subscriber: Subscriber,
  query: PreparedQuery<Parameters & { tenantId: string }, Row>,
  parameters: Parameters,
): Promise<Row[]> {
  const tenantId = tenantOf(subscriber)
  return await subscriber.withPgClient(subscriber.pgSettings, (client) =>
    query.run(
      { ...parameters, tenantId },
      {
        query: async (text, values: unknown[]) => {
          const { rows, rowCount } = await client.query({ text, values })
          return { rows: [...rows], rowCount: rowCount ?? rows.length }
        },
      },
    ),
  )
}

async function mustSee(
  subscriber: Subscriber,
  query: typeof findDeployment | typeof findProject,
  id: string,
): Promise<void> {
  const found = await read(subscriber, query, { id })
  if (found.length === 0) throw new ServerError('NOT_FOUND')
}

function uuid(text: string): string {
  const lower = text.toLowerCase()
  if (!UUID.test(lower)) throw new ServerError('BAD_USER_INPUT', 'That is not a UUID.')
  return lower
}

function sequence(text: string): bigint {
  if (!/^\d{1,18}$/.test(text))
    throw new ServerError('BAD_USER_INPUT', '`after` must be 0 or the last sequence that was read.')
  return BigInt(text)
}

function parse(payload: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
