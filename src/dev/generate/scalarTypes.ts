/** What TypeScript sees of a type of pg_catalog: sent as a parameter, and handed over by pg, which has no parsers of our own. */
export interface ScalarType {
  readonly parameter: string
  readonly return: string
}

const same = (type: string): ScalarType => ({ parameter: type, return: type })
const BIG: ScalarType = { parameter: 'number | string', return: 'string' }
const TIME: ScalarType = { parameter: 'Date | string', return: 'Date' }

/** What comes as text, by the name in pg_type. */
const TEXTS = [
  'text varchar bpchar name uuid inet cidr time timetz tsvector regclass',
  'int4range int8range numrange daterange tsrange tstzrange',
].flatMap((names) => names.split(' '))

/** The one table from which kanel, pgtyped and functions.ts have it, by the name in pg_type. What is not in it is a string. */
export const SCALARS: Readonly<Record<string, ScalarType>> = {
  bool: same('boolean'),
  int2: same('number'),
  int4: same('number'),
  float4: same('number'),
  float8: same('number'),
  oid: same('number'),
  int8: BIG,
  numeric: BIG,
  xid8: { parameter: 'bigint | string', return: 'string' },
  date: TIME,
  timestamp: TIME,
  timestamptz: TIME,
  interval: { parameter: 'string', return: 'unknown' },
  bytea: same('Buffer'),
  json: same('unknown'),
  jsonb: same('unknown'),
  ...Object.fromEntries(TEXTS.map((name) => [name, same('string')])),
}

const listOf = (type: string) => (type.includes(' ') ? `(${type})[]` : `${type}[]`)

/** A type of pg_catalog by its name in pg_type, where `_text` is an array of text. */
export function scalarType(name: string): ScalarType {
  if (!name.startsWith('_')) return SCALARS[name] ?? same('string')
  const item = scalarType(name.slice(1))
  return { parameter: listOf(item.parameter), return: listOf(item.return) }
}
