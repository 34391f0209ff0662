import {
  GraphQLError,
  Kind,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'postgraphile/graphql'
import type { Limits } from '../../limits.ts'
import { ServerError } from '../../errors.ts'
import { anonymousFieldsOf } from '../plugins/AnonymousFieldsPlugin.ts'
import { makeAllowances } from './allowances.ts'
import { boundAnswer, boundAnswers } from './answers.ts'
import type { Asker } from './caller.ts'
import { makeDocuments } from './documents.ts'
import { makeIntrospections } from './introspections.ts'
import { priceOf, tooManyConditions, type OperationMeasure } from './measureDocument.ts'
import { measureVariables } from './measureInput.ts'
import { keepPlansWithDocuments } from './plans.ts'
import { ANONYMOUS_SHARE, PLANNING } from './prices.ts'
import { asGraphQLError, refuse } from './refusal.ts'
import { makeTurns } from './turns.ts'

export interface GateOptions {
  readonly limits: Limits
  /** Whether the schema may be asked for at all. */
  readonly introspection: boolean
  /** Whether GraphiQL is served; then the schema is for everybody, else for those who are signed in. */
  readonly graphiql: boolean
}

/** What the gate reads of the arguments of an execution. */
interface Args {
  readonly document: DocumentNode
  readonly operationName?: string | null | undefined
  readonly variableValues?: unknown
}

type Result = ExecutionResult | AsyncGenerator<ExecutionResult>

/** What every document passes, whichever way it came: read, measured, allowed, and then planned and run. */
export interface Gate {
  /** Waits for a turn when the text is new. @throws ServerError RATE_LIMITED or OVERLOADED. */
  prepare(text: string, caller: Asker): Promise<void>
  parseAndValidate(text: string, caller: Asker): { document: DocumentNode } | { errors: readonly GraphQLError[] }
  /** Runs an operation that `parseAndValidate` let pass. What goes wrong is in the result. */
  run<R extends Result>(args: Args, via: Via, execute: () => Promise<R> | R): Promise<R>
  /** Takes what a new plan was worth from the caller's allowance. */
  planned(operation: OperationDefinitionNode, plan: object, caller: Asker): void
}

export interface Via {
  readonly caller: Asker
  readonly isSocket: boolean
}

export function makeGate(schema: GraphQLSchema, { limits, introspection, graphiql }: GateOptions): Gate {
  keepPlansWithDocuments(schema)
  const anonymousFields = anonymousFieldsOf(schema)
  const documents = makeDocuments(schema, { limits, hideSuggestions: !introspection })
  const allowances = makeAllowances(limits.planningPerMinute)
  const turns = makeTurns()
  const turnsOf = new Map<string | OperationDefinitionNode, Map<string, Promise<void>>>()
  const introspections = makeIntrospections()
  const measures = new WeakMap<OperationDefinitionNode, OperationMeasure>()
  const plannedOnce = new WeakSet<OperationDefinitionNode>()
  const plans = new WeakSet<object>()
  const large = new Map<string, { last: Promise<unknown>; length: number }>()
  const dearest = new WeakMap<OperationMeasure, number>()

  /** Waits until the caller may hold the loop to read this text or plan this operation; what comes twice waits once. */
  async function takeTurn(caller: Asker, work: string | OperationDefinitionNode): Promise<void> {
    mustHaveAllowance(caller)
    const waiting = turnsOf.get(work) ?? new Map<string, Promise<void>>()
    let turn = waiting.get(caller.id)
    if (!turn) {
      turn = turns.take(caller.id)
      if (!turn) refuse('OVERLOADED', 'You send new documents faster than they are read; try again later.')
      waiting.set(caller.id, turn)
      turnsOf.set(work, waiting)
      void turn.then(() => {
        waiting.delete(caller.id)
        if (waiting.size === 0) turnsOf.delete(work)
      })
    }
    await turn
    mustBeThere(caller)
  }

  function mustHaveAllowance(caller: Asker): void {
    if (!allowances.has(caller.id))
      refuse('RATE_LIMITED', 'You send too many different documents; use variables, or try again in a minute.')
  }

  /** The refusal of a document for what it is, whatever its variables say; undefined when it may go on. */
  function refusalOf(operations: readonly OperationMeasure[], caller: Asker): ServerError | undefined {
    if (operations.some(({ isIntrospection }) => isIntrospection)) {
      if (!introspection) return new ServerError('INTROSPECTION_DISABLED')
      if (caller.isAnonymous && !graphiql) return new ServerError('UNAUTHENTICATED')
      return undefined
    }
    if (!caller.isAnonymous) return undefined
    for (const { roots, rootFields, planning } of operations) {
      for (const name of roots) if (!anonymousFields.has(name)) return new ServerError('UNAUTHENTICATED')
      if (planning > limits.maxPlanning * ANONYMOUS_SHARE || rootFields > limits.maxRootFields * ANONYMOUS_SHARE)
        return new ServerError('UNAUTHENTICATED', 'Sign in to send documents as large as this one.')
    }
    return undefined
  }

  /** The price with every page as large as it may be; most documents are allowed whatever their variables say. */
  function dearestPrice(measure: OperationMeasure): number {
    let price = dearest.get(measure)
    if (price === undefined) dearest.set(measure, (price = priceOf(measure.price, () => limits.maxPage, limits)))
    return price
  }

  function mustBeAffordable(measure: OperationMeasure, variables: Readonly<Record<string, unknown>>): void {
    const { conditions } = measureVariables(variables, measure.operation, schema, limits)
    if (measure.conditions + measure.conditionUses * conditions > limits.maxConditions)
      tooManyConditions(limits.maxConditions)
    if (dearestPrice(measure) <= limits.maxCost) return
    if (priceOf(measure.price, sizeIn(measure.operation, variables, limits), limits) > limits.maxCost)
      refuse(
        'QUERY_TOO_EXPENSIVE',
        `The document may ask for more than ${limits.maxCost} values; lower \`first\` or nest less.`,
      )
  }

  /** A large answer holds the loop while it is put together: a caller gets one after the other. */
  async function oneByOne<R>(caller: Asker, execute: () => Promise<R> | R): Promise<R> {
    const { last, length } = large.get(caller.id) ?? { last: Promise.resolve(), length: 0 }
    if (length >= LARGE_WAITING)
      refuse('OVERLOADED', 'You ask for large answers faster than they are given; try again later.')
    const mine = last.then(() => {
      mustBeThere(caller)
      return execute()
    })
    const entry = { last: mine.catch(() => {}), length: length + 1 }
    large.set(caller.id, entry)
    try {
      return await mine
    } finally {
      const now = large.get(caller.id)!
      if (--now.length === 0) large.delete(caller.id)
    }
  }

  async function start<R extends Result>(
    args: Args,
    { caller, isSocket }: Via,
    execute: () => Promise<R> | R,
  ): Promise<R> {
    const operation = operationOf(args)
    const measure = operation && measures.get(operation)
    // An operation that the document does not have: Grafast says so.
    if (!operation || !measure) return await execute()
    if (operation.operation === 'subscription' && !isSocket) refuse('SUBSCRIPTION_NEEDS_SOCKET', SUBSCRIPTION_HINT)
    mustBeAffordable(measure, (args.variableValues ?? {}) as Record<string, unknown>)
    if (measure.isIntrospection) {
      mustHaveAllowance(caller)
      allowances.take(caller.id, PLANNING.introspection / 3)
      return (await introspections.answer(args, async () => {
        await takeTurn(caller, operation)
        return (await execute()) as ExecutionResult
      })) as R
    }
    if (!plannedOnce.has(operation)) await takeTurn(caller, operation)
    else if (measure.isConditional) mustHaveAllowance(caller)
    const result = await (dearestPrice(measure) > LARGE_PRICE ? oneByOne(caller, execute) : execute())
    return isStream(result)
      ? (boundAnswers(result, limits.maxAnswerSize) as R)
      : (boundAnswer(result, limits.maxAnswerSize) as R)
  }

  const gate: Gate = {
    async prepare(text, caller) {
      if (documents.isRead(text)) return
      await takeTurn(caller, text)
      if (documents.isRead(text)) return
      allowances.take(caller.id, documents.priceOf(text))
      gate.parseAndValidate(text, caller)
    },

    parseAndValidate(text, caller) {
      const { errors, document, measure } = documents.read(text, caller.id)
      if (errors) return { errors }
      const refusal = refusalOf(measure!.operations, caller)
      if (refusal) return { errors: [asGraphQLError(refusal)] }
      const misfits = documents.validate(text, caller.id)
      if (misfits.length > 0) return { errors: misfits }
      for (const each of measure!.operations) measures.set(each.operation, each)
      return { document: document! }
    },

    async run(args, via, execute) {
      try {
        return await start(args, via, execute)
      } catch (error) {
        const original = error instanceof Error ? error : new Error(String(error))
        return { errors: [new GraphQLError(original.message, { originalError: original })] } as never
      }
    },

    planned(operation, plan, caller) {
      if (plans.has(plan)) return
      plans.add(plan)
      plannedOnce.add(operation)
      allowances.take(caller.id, 1 + (measures.get(operation)?.planning ?? 0))
    },
  }
  return gate
}

/** A price from which on an answer counts as large, and how many of them may wait for one caller. */
const LARGE_PRICE = 5000
const LARGE_WAITING = 20

/** Whoever hung up while they waited is answered to nobody: the work is not done. */
function mustBeThere({ isGone }: Asker): void {
  if (isGone()) refuse('BAD_REQUEST', 'The client has gone away.')
}

const SUBSCRIPTION_HINT = 'Subscriptions are served over a websocket at /graphql (graphql-transport-ws), not over POST.'

const isStream = (result: Result): result is AsyncGenerator<ExecutionResult> => Symbol.asyncIterator in result

function operationOf({ document, operationName }: Args): OperationDefinitionNode | undefined {
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  if (operationName == null) return operations.length === 1 ? operations[0] : undefined
  return operations.find(({ name }) => name?.value === operationName)
}

/** What variables say of page sizes; a default of the document counts where the request says nothing. */
function sizeIn(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>, { maxPage }: Limits) {
  return (name: string): number | undefined => {
    const value = variables[name]
    if (value === null) return undefined
    if (value !== undefined) return typeof value === 'number' ? value : maxPage
    const { defaultValue } = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name) ?? {}
    return defaultValue?.kind === Kind.INT ? Number(defaultValue.value) : undefined
  }
}
