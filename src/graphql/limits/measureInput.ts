import {
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  typeFromAST,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValueNode,
} from 'postgraphile/graphql'
import type { Limits } from '../../limits.ts'
import { refuse } from './refusal.ts'

/** What was counted of lists, objects and values that a client sends. */
export interface InputCount {
  /** Lists, objects and leaves. */
  values: number
  /** Objects of filters and entries of orders: what becomes SQL. */
  conditions: number
}

type InputLimits = Pick<Limits, 'maxInputDepth' | 'maxInputValues'>

/**
 * Counts the variables of a request, and stops at the first limit they are over.
 * @returns the conditions of the variable that holds most.
 * @throws ServerError INPUT_TOO_LARGE, or BAD_USER_INPUT for a field that its type does not have.
 */
export function measureVariables(
  variables: Readonly<Record<string, unknown>>,
  operation: OperationDefinitionNode | undefined,
  schema: GraphQLSchema,
  limits: InputLimits,
): { conditions: number; values: number } {
  const types = new Map(
    operation?.variableDefinitions?.map(({ variable, type }) => [
      variable.name.value,
      typeFromAST(schema, type as never) as GraphQLInputType | undefined,
    ]),
  )
  const all: InputCount = { values: 0, conditions: 0 }
  let most = 0
  for (const name in variables) {
    const before = all.conditions
    countValue(types.get(name), variables[name], all, limits, 1)
    most = Math.max(most, all.conditions - before)
  }
  return { conditions: most, values: all.values }
}

/** What a variable or literal of this type is made of becomes SQL: filters and the enumerations of `orderBy`. */
export const isConditionType = (type: GraphQLNamedType): boolean =>
  (isInputObjectType(type) && type.name.endsWith('Filter')) || (isEnumType(type) && type.name.endsWith('OrderBy'))

function countValue(
  given: GraphQLInputType | undefined,
  value: unknown,
  count: InputCount,
  limits: InputLimits,
  depth: number,
): void {
  const type = given && isNonNullType(given) ? given.ofType : given
  tally(count, limits, depth)
  if (Array.isArray(value)) {
    const inner = type && isListType(type) ? type.ofType : undefined
    for (const each of value as unknown[]) countValue(inner, each, count, limits, depth + 1)
    return
  }
  const named = withoutLists(type)
  if (named && isConditionType(named as GraphQLNamedType)) count.conditions++
  if (typeof value !== 'object' || value === null) return
  const fields = named && isInputObjectType(named) ? named.getFields() : undefined
  for (const name in value) {
    const field = fields?.[name]
    // Validation would print the whole object once for each field that is too much.
    if (fields && !field) refuse('BAD_USER_INPUT', `An input of type ${String(named)} has no field of that name.`)
    countValue(field?.type, (value as Record<string, unknown>)[name], count, limits, depth + 1)
  }
}

/** The same for what stands in a document. */
export function countLiteral(
  given: GraphQLInputType | undefined,
  value: ValueNode,
  count: InputCount,
  limits: InputLimits,
  depth = 1,
): void {
  const type = given && isNonNullType(given) ? given.ofType : given
  tally(count, limits, depth)
  if (value.kind === Kind.LIST) {
    const inner = type && isListType(type) ? type.ofType : undefined
    for (const each of value.values) countLiteral(inner, each, count, limits, depth + 1)
    return
  }
  const named = withoutLists(type)
  if (value.kind !== Kind.VARIABLE && named && isConditionType(named as GraphQLNamedType)) count.conditions++
  if (value.kind !== Kind.OBJECT) return
  const fields = named && isInputObjectType(named) ? named.getFields() : undefined
  for (const field of value.fields)
    countLiteral(fields?.[field.name.value]?.type, field.value, count, limits, depth + 1)
}

/** One value stands for a list of itself. */
function withoutLists(type: GraphQLInputType | undefined): GraphQLInputType | undefined {
  let inner = type
  while (inner && (isListType(inner) || isNonNullType(inner))) inner = inner.ofType
  return inner
}

function tally(count: InputCount, { maxInputDepth, maxInputValues }: InputLimits, depth: number): void {
  if (depth > maxInputDepth)
    refuse('INPUT_TOO_LARGE', `Variables and literals are nested at most ${maxInputDepth} deep.`)
  if (++count.values > maxInputValues)
    refuse('INPUT_TOO_LARGE', `Variables and literals hold at most ${maxInputValues} values.`)
}
