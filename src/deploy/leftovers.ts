import type pg from 'pg'
import { LOGIN_ROLES } from './bootstrap.ts'
import { objectOf, roomOf, type Source } from './sources.ts'

/** What these may do with an object is for its file to say. Other roles are somebody else's, and so are their grants. */
const OUR_ROLES: readonly string[] = [
  ...Object.values(LOGIN_ROLES),
  'app_anonymous',
  'app_user',
  'app_system',
  'app_operator',
]

/** A policy or a trigger. */
interface Rule {
  /** Such as `policy select_member on app_public.teams`: also what `drop` wants to hear. */
  readonly line: string
  /** The room that says it, and the table as its file there is named. */
  readonly place: string
  /** Another one whenever the rule is made again, though it stays the same. */
  readonly version: string
  /** It has the shape of what the files make; a wall never has, as one too many opens nothing. */
  readonly looksOurs: boolean
}

const RULES = `
  select format('policy %I on %I.%I', p.polname, n.nspname, c.relname) as line, 'policies ' || n.nspname || '.' || c.relname as place,
    p.oid || ' ' || p.xmin::text as version,
    p.polpermissive and p.polroles <@ array(select r.oid from pg_roles r where r.rolname = any ($2) union all select 0)
      as "looksOurs"
  from pg_policy p
  join pg_class c on c.oid = p.polrelid
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1)
  union all
  select format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname), 'sql/triggers ' || n.nspname || '.' || c.relname,
    t.oid || ' ' || t.xmin::text, t.tgname ~ '^_[0-9]{3}_' and s.nspname = any ($1)
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_proc f on f.oid = t.tgfoid
  join pg_namespace s on s.oid = f.pronamespace
  where not t.tgisinternal and t.tgparentid = 0 and n.nspname = any ($1)
  order by line`

/** A privilege that a role has on an object; the owner's are among them. */
interface Grant {
  /** Such as `grant update (name) on table app_public.teams to app_user`. */
  readonly line: string
  /** What it is on: relation or routine, and the name that its file has. A sequence goes with its table. */
  readonly key: string
  /** Such as `table app_public.teams`. */
  readonly target: string
  readonly grantee: string
  readonly isOwners: boolean
  /** Passed on by a role that was granted the right to; files do not do that. */
  readonly isPassedOn: boolean
  readonly isOurs: boolean
}

const GRANTS = `
  with granted as (
    select 'relation ' || n.nspname || '.' || coalesce(t.relname, c.relname) as key,
      format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname) as target,
      c.relowner as owner, '' as part, a.*
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_depend d on c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid
      and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    left join pg_class t on t.oid = d.refobjid
    cross join lateral aclexplode(coalesce(c.relacl,
      acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))) a
    where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'S')
    union all
    select 'relation ' || n.nspname || '.' || c.relname, format('table %I.%I', n.nspname, c.relname),
      c.relowner, format(' (%I)', x.attname), a.*
    from pg_attribute x
    join pg_class c on c.oid = x.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    cross join lateral aclexplode(x.attacl) a
    where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v')
    union all
    select 'routine ' || n.nspname || '.' || f.proname,
      format('routine %I.%I(%s)', n.nspname, f.proname, oidvectortypes(f.proargtypes)), f.proowner, '', a.*
    from pg_proc f
    join pg_namespace n on n.oid = f.pronamespace
    cross join lateral aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
    where n.nspname = any ($1)
  )
  select format('grant %s%s on %s to %s%s%s', lower(g.privilege_type), g.part, g.target, w.grantee,
      case when g.is_grantable then ' with grant option' end,
      case when g.grantor <> g.owner then ' by ' || g.grantor::regrole end) as line,
    g.key, g.target, w.grantee, g.grantee = g.owner as "isOwners", g.grantor <> g.owner as "isPassedOn",
    g.grantee <> g.owner and (g.grantee = 0 or g.grantee::regrole::text = any ($2)) as "isOurs"
  from granted g
  cross join lateral (
    select case g.grantee when 0 then 'public' else g.grantee::regrole::text end as grantee) w
  order by line`

/** Rooms whose files say what rules and grants there are on the object of their name. */
const SAYING = new Map<Source['room'] | undefined, 'relation' | 'routine'>([
  ['policies', 'relation'],
  ['sql/views', 'relation'],
  ['generated/sql/views', 'relation'],
  ['sql/triggers', 'relation'],
  ['functions', 'routine'],
  ['generated/sql/functions', 'routine'],
])

/** The key of the object whose grants a file says. */
function keyOf(path: string): string | undefined {
  const room = roomOf(path)
  const kind = SAYING.get(room)
  // A trigger's file grants nothing: the same table has a file that does.
  return kind && room && room !== 'sql/triggers' ? `${kind} ${objectOf(path, room)}` : undefined
}

/** Where a file's rules are, as {@link Rule} says it. */
const placeOf = (path: string) => `${roomOf(path)} ${objectOf(path, roomOf(path)!)}`

/** What each file made, by path; undefined for one that was applied by a release which did not write it down. */
export type Made = ReadonlyMap<string, readonly string[] | undefined>

/**
 * Takes away what files made once and do not make any more: policies, triggers, grants. One lasts as long as the transaction of an apply.
 *
 * - A rule is a file's when that file's last run made it. Somebody else's stays, and is named.
 * - What our roles may do with an object is its file's alone: it begins from nothing whenever it runs.
 * - Of a file without a record, whatever looks like ours on its table is its; and on every table, when there is no record at all.
 */
export class Leftovers {
  readonly #client: pg.ClientBase
  readonly #schemas: readonly string[]
  readonly #recorded: Made
  readonly #made = new Map<string, string[]>()
  readonly #revoked = new Map<string, Grant>()
  #versions = new Set<string>()

  constructor(client: pg.ClientBase, sources: readonly Source[], recorded: Made) {
    const paths = [...sources.map(({ path }) => path), ...recorded.keys()]
    this.#client = client
    this.#recorded = recorded
    const schemas = paths.filter((path) => SAYING.has(roomOf(path)!)).map((path) => objectOf(path, roomOf(path)!))
    this.#schemas = [...new Set(schemas.map((object) => object.slice(0, object.indexOf('.'))))]
  }

  /** To be called before a room's files run. */
  async begin(files: readonly Source[]): Promise<void> {
    await this.#revoke(files.map(({ path }) => path))
    this.#versions = new Set((await this.#rules()).map(({ version }) => version))
  }

  /** To be called after each of them. */
  async note(file: Source): Promise<void> {
    if (file.room !== 'policies' && file.room !== 'sql/triggers') return
    const rules = await this.#rules()
    this.#made.set(
      file.path,
      rules.filter(({ version }) => !this.#versions.has(version)).map(({ line }) => line),
    )
    this.#versions = new Set(rules.map(({ version }) => version))
  }

  /**
   * Takes away what is left over, once every file has run and before a function goes that a trigger calls.
   * `missing` are the paths that are no files any more; `gone` those of them whose object has no other file.
   */
  async drop(ran: readonly Source[], missing: readonly string[], gone: readonly string[]): Promise<string[]> {
    // A file that only moved has granted already.
    const granted = new Set(ran.map(({ path }) => keyOf(path)))
    await this.#revoke(gone.filter((path) => roomOf(path) === 'policies' && !granted.has(keyOf(path))))
    const now = this.#makes(missing)
    const past = new Set([...this.#recorded.values()].flatMap((lines) => lines ?? []))
    const before = [...this.#recorded].filter(([path]) => roomOf(path) !== undefined)
    const isUnknown = before.length > 0 && before.every(([, lines]) => lines === undefined)
    // A file that moved is known by its old path.
    const known = new Set(before.filter(([, lines]) => lines).map(([path]) => placeOf(path)))
    const unknown = new Set(
      [...ran.map(({ path }) => path), ...missing].map(placeOf).filter((place) => !known.has(place)),
    )
    const left = (await this.#rules()).filter(
      ({ line, place, looksOurs }) =>
        !now.has(line) && (past.has(line) || (looksOurs && (isUnknown || unknown.has(place)))),
    )
    for (const { line } of left) await this.#client.query(`drop ${line}`)

    const grants = await this.#grants()
    for (const { path } of ran) {
      const key = keyOf(path)
      if (key === undefined) continue
      const lines = grants
        .filter((grant) => grant.key === key && grant.isOurs && !grant.isPassedOn)
        .map(({ line }) => line)
      this.#made.set(path, [...(this.#made.get(path) ?? []), ...lines])
    }
    const stands = new Set(grants.map(({ line }) => line))
    // With an object that went its grants did, which is not worth a word.
    const targets = new Set(grants.map(({ target }) => target))
    const revoked = [...this.#revoked.values()].filter(({ line, target }) => !stands.has(line) && targets.has(target))
    return [...left, ...revoked].map(({ line }) => line)
  }

  /** What this apply's run of a file made. */
  madeBy(path: string): readonly string[] {
    return this.#made.get(path) ?? []
  }

  /** What stands on objects of ours that no file made: somebody's by hand, or something else's. To be called last. */
  async strays(sources: readonly Source[], missing: readonly string[]): Promise<string[]> {
    const now = this.#makes(missing)
    const keys = new Set(sources.map(({ path }) => keyOf(path)))
    const grants = (await this.#grants()).filter(({ key, isOwners }) => !isOwners && keys.has(key))
    return [...(await this.#rules()), ...grants].map(({ line }) => line).filter((line) => !now.has(line))
  }

  /** Everything that the files make, whether they ran now or earlier. */
  #makes(missing: readonly string[]): Set<string> {
    const now = new Map([...this.#recorded, ...this.#made])
    for (const path of missing) now.delete(path)
    return new Set([...now.values()].flatMap((lines) => lines ?? []))
  }

  async #revoke(paths: readonly string[]): Promise<void> {
    const keys = new Set(paths.map(keyOf).filter((key) => key !== undefined))
    if (keys.size === 0) return
    const grants = (await this.#grants()).filter(({ key, isOurs }) => isOurs && keys.has(key))
    for (const grant of grants) this.#revoked.set(grant.line, grant)
    // What somebody of ours has passed on goes with it.
    const statements = new Set(grants.map(({ target, grantee }) => `revoke all on ${target} from ${grantee} cascade`))
    if (statements.size > 0) await this.#client.query([...statements].join(';'))
  }

  async #rules(): Promise<Rule[]> {
    return (await this.#client.query<Rule>(RULES, [this.#schemas, OUR_ROLES])).rows
  }

  async #grants(): Promise<Grant[]> {
    return (await this.#client.query<Grant>(GRANTS, [this.#schemas, OUR_ROLES])).rows
  }
}
