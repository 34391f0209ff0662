import 'postgraphile'
import { constant, lambda, type Step } from 'postgraphile/grafast'
import type { ParsedGraphQLBody } from 'postgraphile/grafserv'
import type { Limits } from '../../limits.ts'
import type { Claims } from '../../db/withTenant.ts'
import { ServerError } from '../../errors.ts'
import { callerOf, type Asker } from '../limits/caller.ts'
import { makeGate, type Gate, type GateOptions } from '../limits/gate.ts'
import { SHAPE } from '../limits/prices.ts'
import { asSafeError } from '../safeError.ts'

export interface LimitsOptions extends GateOptions {
  /** Who makes the request; absent means nobody. */
  readonly claimsOf: (requestContext: Partial<Grafast.RequestContext>) => Claims | undefined
}

type RequestContext = Partial<Grafast.RequestContext>

/** readyState of a websocket that is open. */
const OPEN = 1

/** Puts the gate where every way to the schema leads through, and cuts connections to the largest page. */
export function makeLimitsPlugin(options: LimitsOptions): GraphileConfig.Plugin {
  const { limits } = options
  let gate: Gate | undefined
  const callerIn = (context: RequestContext): Asker => ({
    ...callerOf(options.claimsOf(context)),
    isGone: () => context.expressv4?.res.closed ?? (context.ws ? context.ws.socket?.readyState !== OPEN : false),
  })
  const isSocket = (context: RequestContext) => context.ws !== undefined
  // What went wrong before an execution could start; it is told in the result, under the mask.
  const failures = new WeakMap<object, unknown>()

  return {
    name: 'LimitsPlugin',
    version: '0.1.0',
    description: 'Limits on documents, variables, planning, answers and pages',
    after: ['PgFirstLastBeforeAfterArgsPlugin', 'PersistedDocumentsPlugin'],

    grafserv: {
      middleware: {
        setPreset(next, event) {
          const stock = event.getExecutionConfig
          let schema: unknown
          event.getExecutionConfig = async function (context) {
            const config = await stock.call(this, context)
            if (!gate || schema !== config.schema)
              gate = makeGate((schema = config.schema) as typeof config.schema, options)
            const current = gate
            const caller = callerIn(context)
            const via = { caller, isSocket: isSocket(context) }
            const guarded =
              (execute: (args: never) => unknown) =>
              (args: object): Promise<never> =>
                current.run(args as never, via, () => {
                  if (failures.has(args)) throw failures.get(args)
                  return execute(args as never) as never
                })
            return {
              ...config,
              parseAndValidate: (text: string) => current.parseAndValidate(text, caller) as never,
              execute: guarded(config.execute as never) as typeof config.execute,
              subscribe: guarded(config.subscribe as never) as typeof config.subscribe,
            }
          }
          return next()
        },

        async processGraphQLRequestBody(next, event) {
          await next()
          const { body } = event
          mustBeWellFormed(body)
          const context: RequestContext | undefined =
            'request' in event && event.request
              ? event.request.requestContext
              : { ws: event.graphqlWsContext?.extra as never }
          try {
            await gate?.prepare(body.query as string, callerIn(context))
          } catch (error) {
            throw error instanceof ServerError ? asSafeError(error) : error
          }
        },
      },
    },

    grafast: {
      middleware: {
        async prepareArgs(next, event) {
          try {
            return await next()
          } catch (error) {
            failures.set(event.args, error)
            return event.args as never
          }
        },
        establishOperationPlan(next, event) {
          const { operation, args } = event
          const caller = callerIn(args.requestContext ?? {})
          try {
            const plan = next() as object
            gate?.planned(operation, plan, caller)
            return plan as never
          } catch (error) {
            // Kept like a plan, so this was work too, the first time.
            gate?.planned(operation, operation, caller)
            throw error
          }
        },
      },
    },

    schema: {
      hooks: {
        GraphQLObjectType_fields_field_args: {
          after: ['PgFirstLastBeforeAfterArgsPlugin'],
          callback(args, _build, { scope }) {
            if (!scope.isPgFieldConnection && !scope.isPgFieldSimpleCollection) return args
            // Both are applied below, since the default of one depends on the other.
            for (const name of ['first', 'last']) {
              const arg = args[name]
              if (!arg) continue
              const { applyPlan: _, ...rest } = arg
              args[name] =
                name === 'first'
                  ? {
                      ...rest,
                      description: `Only the first \`n\` values: ${limits.defaultPage} when not given, at most ${limits.maxPage}.`,
                    }
                  : { ...rest, description: `Only the last \`n\` values, at most ${limits.maxPage}.` }
            }
            return args
          },
        },
        GraphQLObjectType_fields_field(field, _build, { scope }) {
          const { plan } = field
          if (!plan || !(scope.isPgFieldConnection || scope.isPgFieldSimpleCollection)) return field
          return {
            ...field,
            plan($parent, fieldArgs, info) {
              const $list: unknown = plan($parent, fieldArgs, info)
              if (isPaged($list)) setPageSize($list, fieldArgs.getRaw('first'), fieldArgs.getRaw('last'), limits)
              return $list as ReturnType<typeof plan>
            },
          }
        },
      },
    },
  }
}

/** What grafserv would refuse without a code. */
function mustBeWellFormed({ query, operationName, variableValues, onError, extensions }: ParsedGraphQLBody): void {
  if (query === undefined && extensions != null && Object.hasOwn(extensions, 'persistedQuery')) {
    // Apollo and urql know these words, and send the document from then on.
    throw asSafeError(new ServerError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported'))
  }
  const wrong =
    typeof query !== 'string'
      ? 'The body must have a `query`.'
      : operationName != null && typeof operationName !== 'string'
        ? '`operationName` must be a text.'
        : typeof operationName === 'string' && operationName.length > SHAPE.maxNameLength
          ? `\`operationName\` has more than ${SHAPE.maxNameLength} characters.`
          : !isObjectOrNone(variableValues)
            ? '`variables` must be an object.'
            : !isObjectOrNone(extensions)
              ? '`extensions` must be an object.'
              : onError != null && !['PROPAGATE', 'NULL', 'HALT'].includes(onError as string)
                ? '`onError` must be PROPAGATE, NULL or HALT.'
                : undefined
  if (wrong !== undefined) throw asSafeError(new ServerError('BAD_REQUEST', wrong))
}

const isObjectOrNone = (value: unknown): boolean =>
  value == null || (typeof value === 'object' && !Array.isArray(value))

interface Paged {
  setFirst($first: Step): void
  setLast($last: Step): void
}

const isPaged = (step: unknown): step is Paged =>
  typeof step === 'object' && step !== null && 'setFirst' in step && typeof step.setFirst === 'function'

function setPageSize(
  $list: Paged,
  $first: Step,
  $lastOrNone: Step | undefined,
  { defaultPage, maxPage }: Limits,
): void {
  // What a function returns is read from its beginning only.
  const $last = $lastOrNone ?? constant(null)
  const clamp = (size: unknown) => (typeof size === 'number' ? Math.max(0, Math.min(size, maxPage)) : null)
  $list.setFirst(
    lambda([$first, $last], ([first, last]) => (first == null && last == null ? defaultPage : clamp(first)), true),
  )
  $list.setLast(lambda($last, clamp, true))
}
