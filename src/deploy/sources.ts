import { createHash } from 'node:crypto'
import { access, readdir, readFile } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import pg from 'pg'

/** What every mechanism knows of each table; whatever names {@link REGISTRY_VIEW} is made of it. */
export const REGISTRY = 'sql/tables.sql'
export const REGISTRY_VIEW = 'app_private.table_registry'

/** The rooms of repeatable SQL, in the order they are applied: folders, but for the registry, which is one file. */
export const ROOMS = [
  REGISTRY,
  'functions',
  'generated/sql/functions',
  'sql/views',
  'generated/sql/views',
  'sql/triggers',
  'policies',
  'sql/seeds',
  'sql/checks',
] as const

/** One file of a room. `path` is relative to the root, with slashes; `checksum` is the SHA-256 of its text in hex. */
export interface Source {
  readonly path: string
  readonly room: (typeof ROOMS)[number]
  readonly text: string
  readonly checksum: string
}

/** Reads every file of every room: rooms in order, paths alphabetical within one. */
export async function readSources(root: string): Promise<Source[]> {
  const rooms = await Promise.all(
    ROOMS.map(async (room) => {
      return await Promise.all(
        (await listRoom(root, room)).map(async (path) => {
          const text = await readFile(join(root, path), 'utf8')
          return { path, room, text, checksum: checksum(text) }
        }),
      )
    }),
  )
  return rooms.flat()
}

/** The SQL files of a room, as paths below the root, sorted; none when it is not there. */
async function listRoom(root: string, room: Source['room']): Promise<string[]> {
  if (room.endsWith('.sql'))
    return await access(join(root, room)).then(
      () => [room],
      () => [],
    )
  const entries = await readdir(join(root, room), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

export function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The law a check stands for: its file's name, with blanks. */
export function lawOf(path: string): string {
  return basename(path, '.sql').replaceAll('_', ' ')
}

/** An error of the server with the file, the line and the server's own help; `code` is the SQLSTATE. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly code: string | undefined

  constructor(source: Pick<Source, 'path' | 'text'>, cause: unknown) {
    const error = cause instanceof pg.DatabaseError ? cause : undefined
    const line = error?.position === undefined ? undefined : lineOf(source.text, Number(error.position))
    const help = [
      error?.detail,
      error?.hint && `Hint: ${error.hint}`,
      error?.internalQuery && `In: ${error.internalQuery.trim()}`,
      error?.where && `Where: ${error.where}`,
    ]
    const message = cause instanceof Error ? cause.message : String(cause)
    super([`${source.path}${line === undefined ? '' : `:${line}`}: ${message}`, ...help.filter(Boolean)].join('\n  '), {
      cause,
    })
    this.code = error?.code
  }
}

/** The room that a path lies in; undefined when it is no source's. */
export const roomOf = (path: string): Source['room'] | undefined =>
  ROOMS.find((room) => path === room || path.startsWith(`${room}/`))

/** What a file stands for: its folder below the room is the schema, whatever topic lies between, and its name the object's. */
export function objectOf(path: string, room: string): string {
  const [schema = ''] = path.slice(room.length + 1).split('/')
  return `${schema}.${basename(path, '.sql')}`
}

/** The line of a position, by default the last one. The server counts characters, not UTF-16 units, from one. */
export function lineOf(text: string, position = Infinity): number {
  return (
    Array.from(text)
      .slice(0, position - 1)
      .filter((character) => character === '\n').length + 1
  )
}
