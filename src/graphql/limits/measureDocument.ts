import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'postgraphile/graphql'
import type { Limits } from '../../limits.ts'
import { countLiteral, isConditionType, type InputCount } from './measureInput.ts'
import { PLANNING, SHAPE } from './prices.ts'
import { refuse } from './refusal.ts'

/** The price of a selection set for one row, in which page sizes that variables name are still open. */
export interface Price {
  readonly fixed: number
  readonly open: readonly { readonly first?: PageSize; readonly last?: PageSize; readonly inner: Price }[]
}
export type PageSize = number | { readonly variable: string }

/** What an operation asks for. */
export interface OperationMeasure {
  readonly operation: OperationDefinitionNode
  /** Names of its root fields, without `__typename`. */
  readonly roots: ReadonlySet<string>
  /** How many there are, aliases counted. */
  readonly rootFields: number
  readonly isIntrospection: boolean
  readonly planning: number
  readonly price: Price
  /** Conditions of filters that stand in the document, and fields that take them from variables. */
  readonly conditions: number
  readonly conditionUses: number
  /** Whether a variable decides which fields are there, so that one document has many plans. */
  readonly isConditional: boolean
}

export interface DocumentMeasure {
  readonly operations: readonly OperationMeasure[]
  readonly selections: number
}

/** What a selection set is worth, fragments counted where they are spread. */
interface SetMeasure {
  selections: number
  fields: number
  depth: number
  planning: number
  conditions: number
  conditionUses: number
  /** Whether `nodes` or `edges` are among its fields. */
  hasRows: boolean
  fixed: number
  open: { first?: PageSize; last?: PageSize; inner: Price }[]
}

const NOTHING: Readonly<SetMeasure> = {
  selections: 0,
  fields: 0,
  depth: 0,
  planning: 0,
  conditions: 0,
  conditionUses: 0,
  hasRows: false,
  fixed: 0,
  open: [],
}

/**
 * Measures a document in time linear in its size: every fragment is measured once, and counts as a value wherever it is spread.
 * Depends on nothing but the document, the schema and the limits. What the schema does not know is left to validation.
 * @throws ServerError with the limit that the document is over.
 */
export function measureDocument(document: DocumentNode, schema: GraphQLSchema, limits: Limits): DocumentMeasure {
  const measurer = new Measurer(document, schema, limits)
  const operations = measurer.operations.map((operation) => measurer.measure(operation))
  // Only now is the document known to be small with all its fragments spread.
  if (!measurer.isCircular) for (const operation of measurer.operations) measurer.checkMerges(operation)
  return { operations, selections: measurer.selections }
}

class Measurer {
  readonly operations: readonly OperationDefinitionNode[]
  selections = 0
  isCircular = false
  readonly #schema: GraphQLSchema
  readonly #limits: Limits
  readonly #fragments = new Map<string, FragmentDefinitionNode>()
  readonly #measured = new Map<string, SetMeasure | 'under way'>()
  readonly #literals: InputCount = { values: 0, conditions: 0 }
  #directives = 0
  #introspections = 0
  #isConditional = false

  constructor(document: DocumentNode, schema: GraphQLSchema, limits: Limits) {
    this.#schema = schema
    this.#limits = limits
    const operations: OperationDefinitionNode[] = []
    let fragments = 0
    for (const definition of document.definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition)
      else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
        fragments++
        this.#fragments.set(definition.name.value, definition)
      } else refuse('GRAPHQL_VALIDATION_FAILED', 'A document holds operations and fragments only.')
    }
    atMost(operations.length, SHAPE.maxOperations, 'operations')
    atMost(fragments, SHAPE.maxFragments, 'fragments')
    this.operations = operations
  }

  measure(operation: OperationDefinitionNode): OperationMeasure {
    const { maxDepth, maxSelections, maxRootFields, maxPlanning, maxConditions } = this.#limits
    const variables = operation.variableDefinitions ?? []
    atMost(variables.length, SHAPE.maxVariables, 'variables')
    for (const { defaultValue, directives } of variables) {
      this.#countDirectives(directives)
      if (defaultValue) countLiteral(undefined, defaultValue, this.#literals, this.#limits)
    }
    this.#countDirectives(operation.directives)
    const rootType = this.#schema.getRootType(operation.operation) ?? undefined
    const set = this.#measureSet(operation.selectionSet, rootType, 0)
    this.selections += set.selections
    atMost(this.selections, maxSelections, 'selections')
    if (set.depth > maxDepth) refuse('QUERY_TOO_DEEP', `The document is nested deeper than ${maxDepth} fields.`)
    atMost(set.fields, maxRootFields, 'root fields')
    const roots = this.#rootsOf(operation.selectionSet)
    roots.delete('__typename')
    const isIntrospection = roots.has('__schema') || roots.has('__type')
    if (isIntrospection) {
      if (roots.size > 1 || this.operations.length > 1)
        refuse('QUERY_TOO_LARGE', 'Introspection stands alone: one `__schema` or `__type`, and no other root field.')
      if (set.selections > SHAPE.maxIntrospectionSelections)
        refuse('QUERY_TOO_LARGE', `An introspection has at most ${SHAPE.maxIntrospectionSelections} selections.`)
    } else if (set.planning > maxPlanning)
      refuse(
        'QUERY_TOO_EXPENSIVE',
        `The document takes ${Math.ceil(set.planning)} units of planning where ${maxPlanning} are allowed; ask for fewer connections, or name the types of \`node\` one by one.`,
      )
    if (set.conditions > maxConditions) tooManyConditions(maxConditions)
    return {
      operation,
      roots,
      rootFields: set.fields,
      isIntrospection,
      planning: set.planning,
      price: set,
      conditions: set.conditions,
      conditionUses: set.conditionUses,
      isConditional: this.#isConditional,
    }
  }

  #measureSet(set: SelectionSetNode | undefined, type: GraphQLNamedType | undefined, nesting: number): SetMeasure {
    if (!set) return NOTHING
    // Deeper than any limit on depth by far, and less than the stack.
    if (nesting > 500) refuse('QUERY_TOO_DEEP', 'The document is nested too deeply.')
    const sum: SetMeasure = { ...NOTHING, open: [] }
    for (const selection of set.selections) {
      sum.selections++
      this.#countDirectives(selection.directives)
      if (selection.kind === Kind.FIELD) this.#addField(sum, selection, type, nesting)
      else if (selection.kind === Kind.FRAGMENT_SPREAD) add(sum, this.#measureFragment(selection.name.value, nesting))
      else {
        const on = selection.typeCondition ? this.#schema.getType(selection.typeCondition.name.value) : type
        add(sum, this.#measureSet(selection.selectionSet, on ?? undefined, nesting + 1))
      }
    }
    return sum
  }

  #measureFragment(name: string, nesting: number): SetMeasure {
    const known = this.#measured.get(name)
    if (known === 'under way') {
      this.isCircular = true
      return NOTHING
    }
    if (known) return known
    const fragment = this.#fragments.get(name)
    if (!fragment) return NOTHING
    this.#measured.set(name, 'under way')
    this.#countDirectives(fragment.directives)
    const type = this.#schema.getType(fragment.typeCondition.name.value)
    const measure = this.#measureSet(fragment.selectionSet, type, nesting + 1)
    this.#measured.set(name, measure)
    return measure
  }

  #addField(sum: SetMeasure, node: FieldNode, parent: GraphQLNamedType | undefined, nesting: number): void {
    const name = node.name.value
    sum.fields++
    if (name === 'nodes' || name === 'edges') sum.hasRows = true
    if (name === '__schema' || name === '__type') {
      if (++this.#introspections > 1) refuse('QUERY_TOO_LARGE', 'A document has at most one `__schema` or `__type`.')
      this.#checkIntrospection(node.selectionSet, 0, new Set(), nesting)
      sum.planning += PLANNING.introspection
      sum.selections += this.#countSelections(node.selectionSet, nesting)
      return
    }
    if (name === '__typename') return
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
    this.#addArguments(sum, node, field)
    const type = field && getNamedType(field.type)
    const inner = this.#measureSet(node.selectionSet, type, nesting + 1)
    sum.selections += inner.selections
    sum.depth = Math.max(sum.depth, inner.depth + 1)
    sum.conditions += inner.conditions
    sum.conditionUses += inner.conditionUses
    sum.fixed++
    addPages(sum, node, inner, this.#limits)
    // A field of an interface is planned for each of the types behind it.
    const times = isAbstractType(parent) ? this.#schema.getPossibleTypes(parent).length : 1
    sum.planning += times * (this.#planningOf(parent, field, type) + inner.planning)
  }

  #planningOf(
    parent: GraphQLNamedType | undefined,
    field: Field | undefined,
    type: GraphQLNamedType | undefined,
  ): number {
    if (parent !== undefined && parent === this.#schema.getMutationType()) return PLANNING.mutation
    if (!isCompositeType(type)) return PLANNING.leaf
    if (isAbstractType(type)) return PLANNING.row * this.#schema.getPossibleTypes(type).length
    return field?.args.some((arg) => arg.name === 'first') ? PLANNING.page : PLANNING.row
  }

  #addArguments(sum: SetMeasure, node: FieldNode, field: Field | undefined): void {
    const before = this.#literals.conditions
    for (const { name, value } of node.arguments ?? []) {
      const type = field?.args.find((arg) => arg.name === name.value)?.type
      countLiteral(type, value, this.#literals, this.#limits)
      if (type && isConditionType(getNamedType(type)) && namesVariable(value)) sum.conditionUses++
    }
    sum.conditions += this.#literals.conditions - before
  }

  #countDirectives(directives: FieldNode['directives']): void {
    for (const { name, arguments: given } of directives ?? []) {
      atMost(++this.#directives, SHAPE.maxDirectives, 'directives')
      for (const { value } of given ?? []) {
        countLiteral(undefined, value, this.#literals, this.#limits)
        if ((name.value === 'include' || name.value === 'skip') && value.kind === Kind.VARIABLE)
          this.#isConditional = true
      }
    }
  }

  /** Root fields by name; each fragment is looked into once. */
  #rootsOf(set: SelectionSetNode): Set<string> {
    const names = new Set<string>()
    const seen = new Set<string>()
    const sets = [set]
    for (let next = sets.pop(); next; next = sets.pop()) {
      for (const selection of next.selections) {
        if (selection.kind === Kind.FIELD) names.add(selection.name.value)
        else if (selection.kind === Kind.INLINE_FRAGMENT) sets.push(selection.selectionSet)
        else if (!seen.has(selection.name.value)) {
          seen.add(selection.name.value)
          const fragment = this.#fragments.get(selection.name.value)
          if (fragment) sets.push(fragment.selectionSet)
        }
      }
    }
    return names
  }

  /**
   * An introspection that goes from types to their fields to the types of these and on to their fields again has no end that the
   * document would tell; clients need one such step. Under many names the same field makes an answer of any size: clients need one.
   */
  #checkIntrospection(
    set: SelectionSetNode | undefined,
    steps: number,
    path: Set<string>,
    nesting: number,
    place = '',
  ): void {
    if (nesting > 500) refuse('QUERY_TOO_DEEP', 'The document is nested too deeply.')
    for (const selection of set?.selections ?? []) {
      if (++this.#introspectionSteps > SHAPE.maxIntrospectionSelections)
        refuse('QUERY_TOO_LARGE', `An introspection has at most ${SHAPE.maxIntrospectionSelections} selections.`)
      if (selection.kind === Kind.FIELD) {
        const below = `${place}.${selection.name.value}`
        const name = (selection.alias ?? selection.name).value
        if ((this.#introspected.get(below) ?? name) !== name)
          refuse('QUERY_TOO_LARGE', 'An introspection asks for each field of a type under one name.')
        this.#introspected.set(below, name)
        const isStep = INTROSPECTION_LISTS.has(selection.name.value)
        if (isStep && steps > 0)
          refuse(
            'QUERY_TOO_DEEP',
            'An introspection goes from types to their fields once, not on to the fields of those.',
          )
        this.#checkIntrospection(selection.selectionSet, steps + (isStep ? 1 : 0), path, nesting + 1, below)
      } else if (selection.kind === Kind.INLINE_FRAGMENT)
        this.#checkIntrospection(selection.selectionSet, steps, path, nesting + 1, place)
      else {
        const name = selection.name.value
        if (path.has(name)) {
          this.isCircular = true
          continue
        }
        path.add(name)
        this.#checkIntrospection(this.#fragments.get(name)?.selectionSet, steps, path, nesting + 1, place)
        path.delete(name)
      }
    }
  }
  #introspectionSteps = 0
  /** By where a field stands, the name that the answer has it under. */
  #introspected = new Map<string, string>()

  /** Selections below `__schema`; bounded by the walk before it. */
  #countSelections(set: SelectionSetNode | undefined, nesting: number): number {
    return this.#measureSet(set, undefined, nesting + 1).selections
  }

  /** Counts the pairs of fields that validation compares with each other to see that they merge. */
  checkMerges(operation: OperationDefinitionNode): void {
    let merges = 0
    const merge = (sets: readonly SelectionSetNode[]): void => {
      const groups = new Map<string, FieldNode[]>()
      const collect = (set: SelectionSetNode): void => {
        for (const selection of set.selections) {
          if (selection.kind === Kind.FIELD) {
            const name = (selection.alias ?? selection.name).value
            const group = groups.get(name)
            merges += group?.length ?? 0
            atMost(merges, SHAPE.maxMerges, 'repetitions of fields')
            if (group) group.push(selection)
            else groups.set(name, [selection])
          } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet)
          else {
            const fragment = this.#fragments.get(selection.name.value)
            if (fragment) collect(fragment.selectionSet)
          }
        }
      }
      for (const set of sets) collect(set)
      for (const group of groups.values()) {
        const inner = group.flatMap(({ selectionSet }) => selectionSet ?? [])
        if (inner.length > 0) merge(inner)
      }
    }
    merge([operation.selectionSet])
  }
}

type Field = GraphQLField<unknown, unknown>

/** Lists of an introspection that lead from a type to its parts. */
const INTROSPECTION_LISTS = new Set(['fields', 'inputFields', 'enumValues', 'interfaces', 'possibleTypes'])

function add(sum: SetMeasure, other: Readonly<SetMeasure>): void {
  sum.selections += other.selections
  sum.fields += other.fields
  sum.depth = Math.max(sum.depth, other.depth)
  sum.planning += other.planning
  sum.conditions += other.conditions
  sum.conditionUses += other.conditionUses
  sum.hasRows ||= other.hasRows
  sum.fixed += other.fixed
  if (other.open.length > 0) sum.open.push({ inner: other })
}

/** Adds what a field's selections cost: for one row, for the rows of a page, or for a page whose size the request tells. */
function addPages(sum: SetMeasure, node: FieldNode, inner: Readonly<SetMeasure>, limits: Limits): void {
  const sizes: { first?: PageSize; last?: PageSize } = {}
  for (const { name, value } of node.arguments ?? []) {
    if (name.value !== 'first' && name.value !== 'last') continue
    if (value.kind === Kind.INT) sizes[name.value] = clamp(Number(value.value), limits)
    else if (value.kind === Kind.VARIABLE) sizes[name.value] = { variable: value.name.value }
  }
  const isPage = sizes.first !== undefined || sizes.last !== undefined || inner.hasRows
  if (isPage && (typeof sizes.first === 'object' || typeof sizes.last === 'object')) sum.open.push({ ...sizes, inner })
  else {
    const rows = isPage ? rowsOf(sizes.first as number | undefined, sizes.last as number | undefined, limits) : 1
    sum.fixed += rows * inner.fixed
    if (inner.open.length > 0) sum.open.push({ first: rows, inner: { fixed: 0, open: inner.open } })
  }
}

const clamp = (size: number, { maxPage }: Limits) => Math.max(0, Math.min(size, maxPage))

/** Rows of a page as LimitsPlugin cuts them. */
export const rowsOf = (first: number | undefined, last: number | undefined, limits: Limits): number =>
  first === undefined && last === undefined
    ? limits.defaultPage
    : Math.max(first === undefined ? 0 : clamp(first, limits), last === undefined ? 0 : clamp(last, limits))

/**
 * The price with the page sizes that `sizeOf` tells for variables; undefined is a variable without a value. Every part is priced
 * once, however often it is spread.
 */
export function priceOf(price: Price, sizeOf: (variable: string) => number | undefined, limits: Limits): number {
  const known = new Map<Price, number>()
  const size = (given: PageSize | undefined) => (typeof given === 'object' ? sizeOf(given.variable) : given)
  const evaluate = (each: Price): number => {
    const before = known.get(each)
    if (before !== undefined) return before
    let sum = each.fixed
    for (const { first, last, inner } of each.open) {
      // A fragment's open part alone: what is fixed of it was added where it was spread.
      if (first === undefined && last === undefined) sum += evaluate(inner) - inner.fixed
      else sum += rowsOf(size(first), size(last), limits) * evaluate(inner)
    }
    known.set(each, sum)
    return sum
  }
  return evaluate(price)
}

/** Whether a variable stands in a literal; literals were counted before, so this is as small. */
function namesVariable(value: ValueNode): boolean {
  if (value.kind === Kind.VARIABLE) return true
  if (value.kind === Kind.LIST) return value.values.some(namesVariable)
  return value.kind === Kind.OBJECT && value.fields.some((field) => namesVariable(field.value))
}

export function tooManyConditions(maxConditions: number): never {
  refuse('QUERY_TOO_EXPENSIVE', `The filters and orders of an operation hold at most ${maxConditions} conditions.`)
}

function atMost(count: number, most: number, what: string): void {
  if (count > most) refuse('QUERY_TOO_LARGE', `The document has more than ${most} ${what}.`)
}
