import type pg from 'pg'
import type { Offence } from '../../deploy/apply.ts'
import { objectOf, type Source } from '../../deploy/sources.ts'

/** The comment a function's file begins with is where a caller looks for what it refuses. */
export const RAISES_LAW = 'each function says what it raises'

/** `FH404 PROJECT_NOT_FOUND`. */
type Code = string

interface Routine {
  readonly object: string
  readonly own: ReadonlySet<Code>
  readonly calls: readonly string[]
}

/** What the head of a file says, by the word that begins the sentence. */
interface Said {
  readonly raises: ReadonlySet<Code>
  /** Codes of what it calls that can not come, or that it catches. */
  readonly never: ReadonlySet<Code>
}

/**
 * Compares the `Raises` of each file with the codes of the function's body and of what the functions it calls say they raise.
 * Codes of trigger functions may be named besides, where a caller meets them; `Never FH404 …, since …` takes codes away.
 */
export async function checkRaises(client: pg.ClientBase, sources: readonly Source[]): Promise<Offence[]> {
  const files = new Map(
    sources.filter(({ room }) => room === 'functions').map((source) => [objectOf(source.path, source.room), source]),
  )
  const said = new Map([...files].map(([object, { text }]) => [object, readHead(text)]))
  const routines = await readBodies(client)
  const ofTriggers = new Set(
    routines.flatMap(({ object, own }) => (object.startsWith('app_private.tg_') ? [...own] : [])),
  )
  return routines.flatMap(({ object, own, calls }): Offence[] => {
    const file = files.get(object)
    const head = said.get(object)
    if (!file || !head) return []
    const called = calls.filter((name) => name !== object).flatMap((name) => [...(said.get(name)?.raises ?? [])])
    const truth = new Set([...own, ...called].filter((code) => !head.never.has(code)))
    const lacking = [...truth].filter((code) => !head.raises.has(code))
    const idle = [...head.raises].filter((code) => !truth.has(code) && !ofTriggers.has(code))
    if (lacking.length + idle.length === 0) return []
    const all = [...truth, ...[...head.raises].filter((code) => !idle.includes(code))]
    return [
      {
        law: RAISES_LAW,
        path: 'src/dev/proof/raises.ts',
        offender: object,
        why: [
          lacking.length > 0 && `its head does not say ${lacking.join(', ')}`,
          idle.length > 0 && `nothing raises ${idle.join(', ')}, which its head says`,
        ]
          .filter(Boolean)
          .join('; '),
        mend: `${file.path}: begin with "-- ${all.length > 0 ? sentenceOf(all) : 'what a caller must know'}"; what can not come: "Never FH… CODE, since …"`,
      },
    ]
  })
}

const CODES = /FH(?<status>\d{3}) (?<names>[A-Z][A-Z_]{3,}(?:(?:, | or )[A-Z][A-Z_]{3,}\b)*)/g

/** Reads the leading comment: sentences that begin with Raises and Never, each up to a full stop or semicolon. */
export function readHead(text: string): Said {
  const comment = (/^(?:--.*\n)*/.exec(text)?.[0] ?? '').replaceAll(/^-- ?/gm, '').replaceAll('\n', ' ')
  const codes = (word: string) => {
    const sentences = comment.matchAll(new RegExp(`\\b${word} (?<list>FH.*?)(?:[.;](?: |$)|$)`, 'g'))
    return new Set(
      [...sentences].flatMap(({ groups }) =>
        [...(groups?.list ?? '').matchAll(CODES)].flatMap((match) =>
          (match.groups?.names ?? '').split(/, | or /).map((name): Code => `FH${match.groups?.status} ${name}`),
        ),
      ),
    )
  }
  return { raises: codes('Raises'), never: codes('Never') }
}

/** `Raises FH400 TENANT_REQUIRED, FH404 PROJECT_NOT_FOUND or TEAM_NOT_FOUND.` */
export function sentenceOf(codes: Iterable<Code>): string {
  const byStatus = Map.groupBy([...new Set(codes)].sort(), (code) => code.slice(0, 5))
  const parts = [...byStatus].map(([status, each]) => {
    const names = each.map((code) => code.slice(6))
    return `${status} ${[names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' or ')}`
  })
  return `Raises ${parts.join(', ')}.`
}

/** Every function of ours by name, overloads as one: the codes it raises by itself, and what it calls. */
async function readBodies(client: pg.ClientBase): Promise<Routine[]> {
  const { rows } = await client.query<{ object: string; body: string }>(`
    select s.name || '.' || f.proname as object, string_agg(f.prosrc, chr(10)) as body
    from pg_proc f
    join app_private.our_schemas s on s.oid = f.pronamespace
    group by 1
    order by 1`)
  return rows.map(({ object, body }) => {
    const code = body.replaceAll(/--.*$/gm, '')
    return {
      object,
      own: new Set(
        [...code.matchAll(/raise_error\(\s*(\d{3}),\s*'([A-Z_]+)'/g)].map(([, status, name]) => `FH${status} ${name}`),
      ),
      calls: [...code.replaceAll(/'(?:[^']|'')*'/g, `''`).matchAll(/\b((?:app_[a-z]+|audit)\.[a-z_0-9]+)\s*\(/g)].map(
        ([, name]) => name!,
      ),
    }
  })
}
