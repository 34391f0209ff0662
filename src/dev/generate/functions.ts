import { readdir } from 'node:fs/promises'
import type { Introspection, PgProc, PgType } from 'pg-introspection'
import { scalarType, type ScalarType } from './scalarTypes.ts'

/** Roles that TypeScript is when it speaks to the database. */
const CALLERS = new Set([
  'public',
  'app_anonymous',
  'app_user',
  'freehold_authenticator',
  'freehold_worker',
  'app_operator',
])

/** How a call has to read its answer: see src/db/call.ts. */
type Answer = 'nothing' | 'value' | 'values' | 'row' | 'rows'

interface Entry {
  readonly name: string
  readonly parameters: readonly string[]
  readonly answer: Answer
  readonly result: string
  /** Arguments that are sent as JSON, each with the type that it becomes. */
  readonly json: readonly { readonly argument: string; readonly type: string }[]
}

const pascal = (name: string) =>
  name
    .split('_')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('')
const key = (name: string) => (/^[a-z_$][\w$]*$/i.test(name) ? name : JSON.stringify(name))
const oneOf = (type: string, ...more: string[]) => (type === 'unknown' ? type : [type, ...more].join(' | '))

/** Types of kanel's that the file names, by the name they have in it. */
class Imports {
  readonly #files: ReadonlySet<string>
  readonly #paths = new Map<string, string>()

  constructor(files: ReadonlySet<string>) {
    this.#files = files
  }

  /** The name of the type, or undefined when kanel has no file of it. */
  take(schema: string, name: string): string | undefined {
    const path = `${schema}/${pascal(name)}.ts`
    if (!this.#files.has(path)) return undefined
    const [short, long] = [pascal(name), pascal(schema) + pascal(name)]
    const local = [undefined, path].includes(this.#paths.get(short)) ? short : long
    this.#paths.set(local, path)
    return local
  }

  /** Import lines of what `text` does name: arrays of our own types come as strings. */
  lines(text: string): string[] {
    return [...this.#paths]
      .filter(([local]) => new RegExp(`\\b${local}\\b`).test(text))
      .sort(([, a], [, b]) => (a < b ? -1 : 1))
      .map(([local, path]) => `import type { default as ${local} } from './${path}';`)
  }
}

/**
 * What a type of the database is in TypeScript. Arrays of our own types are handed over as PostgreSQL writes them, since pg parses
 * those of its own alone; what is left out of a composite that is sent is null.
 */
function typeOf(type: PgType, imports: Imports): ScalarType {
  const schema = type.getNamespace()?.nspname ?? 'pg_catalog'
  if (schema === 'pg_catalog') return scalarType(type.typname)
  const element = elementOf(type)
  if (element) return { parameter: `${typeOf(element, imports).parameter}[]`, return: 'string' }
  const name = imports.take(schema, type.typname)
  if (name === undefined) return scalarType('text')
  return { parameter: type.typtype === 'c' ? `Partial<${name}>` : name, return: name }
}

const elementOf = (type: PgType) => (type.typcategory === 'A' ? type.getElemType() : undefined)

/** How a value that is sent as JSON is to be read: `json`, or our composite that it is, or the array of such. */
function jsonType(type: PgType, introspection: Introspection): string | undefined {
  if (['json', 'jsonb'].includes(baseOf(type, introspection).typname)) return 'json'
  const of = elementOf(type) ?? type
  return of.typtype === 'c' ? `${of.getNamespace()!.nspname}.${of.typname}${of === type ? '' : '[]'}` : undefined
}

/** The base of a domain, or the type itself. */
export function baseOf(type: PgType, introspection: Introspection): PgType {
  const base = type.typtype === 'd' ? introspection.getType({ id: type.typbasetype! }) : undefined
  return base ? baseOf(base, introspection) : type
}

function entryOf(routine: PgProc, introspection: Introspection, imports: Imports): Entry {
  const parts = routine.getArguments()
  const given = parts.filter((part) => part.isIn)
  const columns = parts.filter((part) => part.isOut)
  const type = routine.getReturnType()!
  // A strict function of a null is not run; any other argument may be null, for nothing in the catalog says that it may not.
  const parameters = given.map((part) => {
    const of = typeOf(part.type, imports).parameter
    return `${key(part.name!)}${part.hasDefault ? '?' : ''}: ${routine.proisstrict ? of : oneOf(of, 'null')}`
  })
  const isRow = columns.length > 1 || baseOf(type, introspection).typtype === 'c'
  const one =
    columns.length > 1
      ? `{ ${columns.map((part) => `${key(part.name!)}: ${oneOf(typeOf(part.type, imports).return, 'null')}`).join('; ')} }`
      : typeOf(type, imports).return
  const list = (item: string) => (item.includes(' | ') ? `(${item})[]` : `${item}[]`)
  const shape = ((): Pick<Entry, 'answer' | 'result'> => {
    if (type.typname === 'void') return { answer: 'nothing', result: 'undefined' }
    if (isRow)
      return routine.proretset ? { answer: 'rows', result: list(one) } : { answer: 'row', result: oneOf(one, 'null') }
    const value = oneOf(one, 'null')
    return routine.proretset ? { answer: 'values', result: list(value) } : { answer: 'value', result: value }
  })()
  return {
    name: `${routine.getNamespace()!.nspname}.${routine.proname}`,
    parameters,
    ...shape,
    json: given.flatMap((part) => {
      const as = jsonType(part.type, introspection)
      return as === undefined ? [] : [{ argument: part.name!, type: as }]
    }),
  }
}

/** Whether a role that TypeScript connects as or becomes may execute it by name: trigger functions are not among the routines. */
const isCallable = (routine: PgProc) =>
  routine.prokind === 'f' &&
  routine.getArguments().every((part) => part.name !== null && part.name !== '' && !part.isVariadic) &&
  routine.getACL().some((entry) => entry.execute && CALLERS.has(entry.role))

/** What unwraps the key ring. */
const KEYRING = 'app_private.current_keyring'

/**
 * Functions whose body calls `target`, or calls one that does, sorted. Bodies are read as text, without comments and literals, as the
 * law on volatility reads them; no trigger may come to the target, since what fires it is not in a body.
 */
export function namesThatReach(introspection: Introspection, schemas: readonly string[], target: string): string[] {
  const routines = introspection.procs.filter((routine) => schemas.includes(routine.getNamespace()?.nspname ?? ''))
  const nameOf = (routine: PgProc) => `${routine.getNamespace()!.nspname}.${routine.proname}`
  const bodies = routines.map((routine) => ({
    name: nameOf(routine),
    isTrigger: routine.getReturnType()?.typname === 'trigger',
    calls: new Set(
      [
        ...(routine.prosrc ?? '')
          .replace(/--[^\n]*/g, '')
          .replace(/'(?:[^']|'')*'/g, "''")
          .matchAll(/\b[a-z_]+[.][a-z_0-9]+(?=\s*[(])/g),
      ].map(([call]) => call),
    ),
  }))
  const reached = new Set([target])
  for (let before = 0; before < reached.size;) {
    before = reached.size
    for (const { name, calls } of bodies) if (!reached.isDisjointFrom(calls)) reached.add(name)
  }
  const trigger = bodies.find(({ name, isTrigger }) => isTrigger && reached.has(name))
  if (trigger) throw new Error(`${trigger.name} is a trigger and comes to ${target}: no call could be known by it.`)
  reached.delete(target)
  return [...reached].sort()
}

/**
 * functions.ts: the arguments and the result of every function that TypeScript may call, and what src/db/call.ts must know of it
 * while it runs. Throws when one name has two functions: a call by name could not choose.
 * @param typesDir where kanel has written the types that it names.
 */
export async function renderFunctions(
  introspection: Introspection,
  schemas: readonly string[],
  typesDir: string,
): Promise<string> {
  const files = (await readdir(typesDir, { recursive: true })).map((name) => name.replaceAll('\\', '/'))
  const imports = new Imports(new Set(files))
  const entries = introspection.procs
    .filter((routine) => schemas.includes(routine.getNamespace()?.nspname ?? '') && isCallable(routine))
    .map((routine) => entryOf(routine, introspection, imports))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const twice = entries.find((entry, index) => entry.name === entries[index + 1]?.name)
  if (twice) throw new Error(`${twice.name} has two functions that TypeScript may call: give each a name of its own.`)
  const lines = [
    '/**',
    ' * The functions that a role of ours may execute. An argument with `?` has a default, which stands when it is left out. Nothing in the',
    ' * catalog says that a value is never null, so every result may be, and every argument but those of strict functions.',
    ' */',
    'export interface Functions {',
    ...entries.flatMap(({ name, parameters, result }) => [
      `  '${name}': {`,
      ...(parameters.length === 0
        ? ['    arguments: {};']
        : ['    arguments: {', ...parameters.map((parameter) => `      ${parameter};`), '    };']),
      `    result: ${result};`,
      '  };',
    ]),
    '}',
    '',
    '/** What comes back, for a call that runs. */',
    'export const ANSWERS = {',
    ...entries.map(({ name, answer }) => `  '${name}': '${answer}',`),
    '} as const;',
    '',
    '/** Arguments that are sent as JSON, and what they become. */',
    'export const SENT_AS_JSON: { readonly [name: string]: { readonly [argument: string]: string } } = {',
    ...entries
      .filter(({ json }) => json.length > 0)
      .map(
        ({ name, json }) =>
          `  '${name}': { ${json.map(({ argument, type }) => `${argument}: '${type}'`).join(', ')} },`,
      ),
    '};',
    '',
    '/** Functions that come, through whatever they call, to the key ring. */',
    'export const NEEDS_KEYS: ReadonlySet<string> = new Set([',
    ...namesThatReach(introspection, schemas, KEYRING)
      .filter((name) => entries.some((entry) => entry.name === name))
      .map((name) => `  '${name}',`),
    ']);',
  ]
  const text = `${lines.join('\n')}\n`
  return ['// @generated by npm run generate from the catalog.', '', ...imports.lines(text), '', text].join('\n')
}
