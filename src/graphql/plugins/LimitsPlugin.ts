import 'postgraphile'
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type ASTVisitor,
  type FieldNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'postgraphile/graphql'
import { constant, lambda, type Step } from 'postgraphile/grafast'
import type { ExecutionConfig, ParsedGraphQLBody } from 'postgraphile/grafserv'
import { ServerError, type ServerErrorCode } from '../../errors.ts'
import { asSafeError } from '../safeError.ts'

export interface LimitsOptions {
  /** Deepest nesting of fields, counting the root fields as 1. */
  maxDepth: number
  /** Highest price of a document: each field costs 1 for every row it may be read for. */
  maxCost: number
  /** Most selections in a document, fragments counted where they are spread. */
  maxSelections: number
  /** Rows of a connection that names no page size. */
  defaultPage: number
  /** Most rows of one connection; larger wishes are cut to this. */
  maxPage: number
  /** Longest document in characters; spares the parser. */
  maxLength?: number
  introspection: boolean
}

/** Bounds what one request may ask for, before anything is planned: documents by rules, connections by page size. */
export function makeLimitsPlugin(options: LimitsOptions): GraphileConfig.Plugin {
  const maxLength = options.maxLength ?? 100_000
  return {
    name: 'LimitsPlugin',
    version: '0.1.0',
    description: 'Depth, cost, size, page size and introspection limits',
    after: ['PgFirstLastBeforeAfterArgsPlugin'],

    grafserv: {
      middleware: {
        setPreset(next, event) {
          event.validationRules.unshift(budgetRule(options))
          if (!options.introspection) event.validationRules.push(NoSchemaIntrospectionCustomRule)
          const stock = event.getExecutionConfig
          event.getExecutionConfig = async function (context) {
            const config = await stock.call(this, context)
            return {
              ...config,
              parseAndValidate: (document) => validateWithCodes(config.parseAndValidate, document, maxLength),
            }
          }
          return next()
        },
        // The stock parser looks at `query` only after this, and answers a missing one without a code.
        processGraphQLRequestBody(next, event) {
          const { query, documentId, id, extensions }: Partial<ParsedGraphQLBody> = event.body
          if (typeof query !== 'string' && (query !== undefined || (documentId ?? id ?? extensions) === undefined)) {
            throw asSafeError(new ServerError('BAD_REQUEST', 'The body must have a `query`.'))
          }
          return next()
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
                      description: `Only the first \`n\` values: ${options.defaultPage} when not given, at most ${options.maxPage}.`,
                    }
                  : { ...rest, description: `Only the last \`n\` values, at most ${options.maxPage}.` }
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
              if (isPaged($list)) setPageSize($list, fieldArgs.getRaw('first'), fieldArgs.getRaw('last'), options)
              return $list as ReturnType<typeof plan>
            },
          }
        },
      },
    },
  }
}

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
  { defaultPage, maxPage }: LimitsOptions,
): void {
  // What a function returns is read from its beginning only.
  const $last = $lastOrNone ?? constant(null)
  const clamp = (size: unknown) => (typeof size === 'number' ? Math.max(0, Math.min(size, maxPage)) : null)
  $list.setFirst(
    lambda([$first, $last], ([first, last]) => (first == null && last == null ? defaultPage : clamp(first)), true),
  )
  $list.setLast(lambda($last, clamp, true))
}

/**
 * Prices every operation of the document. It throws at the document's first node, before the rules of the specification get to
 * work, because some of them take time quadratic in the size of the document.
 */
function budgetRule(options: LimitsOptions) {
  const { maxDepth, maxCost, maxSelections } = options
  return (context: ValidationContext): ASTVisitor => ({
    Document(document) {
      let selections = 0
      const refuse = (code: ServerErrorCode, message: string): never => {
        throw new GraphQLError(message, { extensions: { code } })
      }
      const price = (
        set: SelectionSetNode | undefined,
        depth: number,
        rows: number,
        fragments: readonly string[],
      ): number => {
        let cost = 0
        for (const selection of set?.selections ?? []) {
          if (++selections > maxSelections)
            refuse('QUERY_TOO_LARGE', `The document has more than ${maxSelections} selections.`)
          if (selection.kind === Kind.INLINE_FRAGMENT) {
            cost += price(selection.selectionSet, depth, rows, fragments)
          } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
            const { value: name } = selection.name
            if (!fragments.includes(name))
              cost += price(context.getFragment(name)?.selectionSet, depth, rows, [...fragments, name])
          } else if (!selection.name.value.startsWith('__')) {
            if (depth > maxDepth) refuse('QUERY_TOO_DEEP', `The document is nested deeper than ${maxDepth} fields.`)
            cost +=
              rows + price(selection.selectionSet, depth + 1, rows * pageOf(context, selection, options), fragments)
          }
          if (cost > maxCost)
            refuse(
              'QUERY_TOO_EXPENSIVE',
              `The document may ask for more than ${maxCost} values; lower \`first\` or nest less.`,
            )
        }
        return cost
      }
      for (const definition of document.definitions) {
        if (definition.kind === Kind.OPERATION_DEFINITION) price(definition.selectionSet, 1, 1, [])
      }
    },
  })
}

/** Rows that a field may yield: what `first` or `last` say, the most when a variable says it, 1 for what is no connection. */
function pageOf(context: ValidationContext, field: FieldNode, { defaultPage, maxPage }: LimitsOptions): number {
  const size = field.arguments?.find(({ name }) => name.value === 'first' || name.value === 'last')?.value
  if (size?.kind === Kind.INT) return Math.min(Number(size.value), maxPage)
  if (size && size.kind !== Kind.NULL) return maxPage
  return hasRows(context, field.selectionSet, []) ? defaultPage : 1
}

const hasRows = (
  context: ValidationContext,
  set: SelectionSetNode | undefined,
  fragments: readonly string[],
): boolean =>
  set?.selections.some((selection) => {
    if (selection.kind === Kind.FIELD) return selection.name.value === 'nodes' || selection.name.value === 'edges'
    if (selection.kind === Kind.INLINE_FRAGMENT) return hasRows(context, selection.selectionSet, fragments)
    const { value: name } = selection.name
    return !fragments.includes(name) && hasRows(context, context.getFragment(name)?.selectionSet, [...fragments, name])
  }) ?? false

type ParseAndValidate = ExecutionConfig['parseAndValidate']

/** Gives every refusal of a document a code; errors that are no GraphQL errors (a parser out of stack) become one. */
function validateWithCodes(
  parseAndValidate: ParseAndValidate,
  document: string,
  maxLength: number,
): ReturnType<ParseAndValidate> {
  if (document.length > maxLength) {
    return {
      errors: [coded(new GraphQLError(`The document is longer than ${maxLength} characters.`), 'QUERY_TOO_LARGE')],
    }
  }
  try {
    const result = parseAndValidate(document)
    return result.errors ? { errors: result.errors.map(withCode) } : result
  } catch (error) {
    return { errors: [withCode(error)] }
  }
}

function withCode(error: unknown): GraphQLError {
  if (!(error instanceof GraphQLError))
    return coded(new GraphQLError('The document is nested too deeply.'), 'QUERY_TOO_DEEP')
  if (error.extensions.code !== undefined) return error
  if (error.message.startsWith('Syntax Error')) return coded(error, 'GRAPHQL_PARSE_FAILED')
  if (error.message.startsWith('GraphQL introspection has been disabled')) return coded(error, 'INTROSPECTION_DISABLED')
  return coded(error, 'GRAPHQL_VALIDATION_FAILED')
}

const coded = (error: GraphQLError, code: ServerErrorCode): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions: { code },
  })
