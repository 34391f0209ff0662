/** One privilege of one grantee. `change` compares with what PostgreSQL grants by itself on a new object. */
export interface Privilege {
  grantee: string
  privilege: string
  grantable: boolean
  change: 'added' | 'removed' | 'default'
}

export interface Column {
  relation: number
  name: string
  type: string
  notNull: boolean
  notNullConstraint: string | null
  default: string | null
  generated: '' | 's' | 'v'
  identity: '' | 'a' | 'd'
  identitySequence: string | null
  collation: string | null
  extras: string[]
  comment: string | null
  acl: Privilege[] | null
}
export interface Constraint {
  relation: number
  name: string
  type: 'p' | 'u' | 'x' | 'f' | 'c' | 'n'
  definition: string
  columns: string[] | null
  references: string | null
  referencedSchema: string | null
  referencedName: string | null
  referencedColumns: string[] | null
  comment: string | null
}
export interface Index {
  relation: number
  name: string
  definition: string
  ofConstraint: boolean
  flags: string[]
  comment: string | null
}
export interface Trigger {
  relation: number
  name: string
  definition: string
  enabled: string
  comment: string | null
}
export interface Policy {
  relation: number
  name: string
  permissive: boolean
  command: string
  roles: string[]
  using: string | null
  check: string | null
  comment: string | null
}
export interface Rule {
  relation: number
  definition: string
  enabled: string
  comment: string | null
}
/** What the dated partitions of one parent look like, names and bounds aside; one row for each distinct look. */
export interface Months {
  parent: number | null
  look: string
  names: string[]
}

export interface Relation {
  oid: number
  schema: string
  name: string
  kind: 'r' | 'p' | 'v' | 'm' | 'f'
  owner: string
  persistence: 'p' | 'u' | 't'
  options: string[]
  rowSecurity: boolean
  forced: boolean
  replicaIdentity: string
  definition: string | null
  partitionKey: string | null
  partitionOf: string | null
  bound: string | null
  comment: string | null
  acl: Privilege[] | null
  columns: Column[]
  constraints: Constraint[]
  indexes: Index[]
  triggers: Trigger[]
  policies: Policy[]
  rules: Rule[]
  months: Months[]
}
export interface Schema {
  name: string
  owner: string
  comment: string | null
  acl: Privilege[] | null
}
export interface Type {
  schema: string
  name: string
  kind: 'e' | 'd' | 'c' | 'r'
  owner: string
  comment: string | null
  acl: Privilege[] | null
  labels: string[] | null
  base: string | null
  notNull: boolean
  default: string | null
  collation: string | null
  constraints: { name: string; definition: string; comment: string | null }[] | null
  attributes: { name: string; type: string; comment: string | null }[] | null
  subtype: string | null
}
export interface Sequence {
  schema: string
  name: string
  owner: string
  type: string
  settings: string
  ownedBy: string | null
  comment: string | null
  acl: Privilege[] | null
}
export interface Routine {
  schema: string
  name: string
  kind: 'f' | 'p' | 'w' | 'a'
  arguments: string
  identity: string
  result: string | null
  definition: string
  owner: string
  definer: boolean
  volatility: 'i' | 's' | 'v'
  trigger: boolean
  comment: string | null
  acl: Privilege[] | null
}
/** Default privileges; schema null holds for the whole database. */
export interface DefaultPrivileges {
  role: string
  schema: string | null
  objects: string
  acl: Privilege[] | null
}

export interface Catalog {
  schemas: Schema[]
  types: Type[]
  relations: Relation[]
  sequences: Sequence[]
  routines: Routine[]
  defaults: DefaultPrivileges[]
  /** Dated tables in schema partitions that hang under no parent any more. */
  detached: Months[]
  /** Whole lines about roles, extensions, event triggers, publications and the rarer kinds of object. */
  roles: string[]
  database: string[]
  extensions: string[]
  others: string[]
}
