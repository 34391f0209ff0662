import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type pg from 'pg'
import { z } from 'zod'
import { call } from '../db/call.ts'

const Shape = z.object({
  tenantId: z.uuid(),
  number: z.int().positive(),
  untilTransaction: z.string().regex(/^\d+$/),
  rowCount: z.int().nonnegative(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime({ precision: 6 }),
})

/** One line of the file of seals: what of a seal is worth keeping elsewhere. digest in hex, createdAt with microseconds in UTC. */
export type PublishedSeal = z.output<typeof Shape>

/** Seals that one statement reads. */
const BATCH = 1000
/** Enough of the file's end to hold whole lines, which have 260 bytes. */
const TAIL_BYTES = 65_536

/**
 * Appends to `file`, one JSON object a line, every seal that was made after the last one in it; the directory is made when missing.
 * The file itself says how far it came, so a process killed at any moment repeats nothing and leaves nothing out: bytes are on disk
 * before the next read. A line that was torn is ended and its seal written again. The file is only ever appended to, so it may be
 * append-only for this user (chattr +a), or on a disk that the owner of the database can not write.
 * @param client in a transaction of freehold_worker, with which the lock ends.
 * @returns how many lines were added.
 */
export async function publishSeals(client: pg.ClientBase, file: string): Promise<number> {
  // Two workers that share the file take turns.
  await client.query(`select pg_advisory_xact_lock(hashtextextended('publish_seals', 0))`)
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(file, 'a+', 0o600)
  try {
    let count = 0
    let { last, isTorn } = await readEnd(handle)
    for (;;) {
      const seals = (await call(client, 'app_private.seals_after', {
        created_at: last?.createdAt,
        tenant_id: last?.tenantId,
        number: last?.number,
        max_count: BATCH,
      })) as PublishedSeal[]
      if (seals.length === 0) return count
      await handle.appendFile((isTorn ? '\n' : '') + seals.map((seal) => `${JSON.stringify(seal)}\n`).join(''))
      await handle.datasync()
      isTorn = false
      count += seals.length
      last = seals.at(-1)
    }
  } finally {
    await handle.close()
  }
}

/** The last whole line that is a seal, and whether the file ends inside a line. */
async function readEnd(
  handle: Awaited<ReturnType<typeof open>>,
): Promise<{ last: PublishedSeal | undefined; isTorn: boolean }> {
  const { size } = await handle.stat()
  for (let length = Math.min(size, TAIL_BYTES); ; length = Math.min(size, length * 16)) {
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer.toString('utf8').split('\n')
    // What follows the last newline is nothing, or torn; what precedes the first one may be half a line.
    const isTorn = lines.pop() !== ''
    if (length < size) lines.shift()
    const last = lines.map(parseLine).findLast((seal) => seal !== undefined)
    if (last !== undefined || length === size) return { last, isTorn: size > 0 && isTorn }
  }
}

function parseLine(line: string): PublishedSeal | undefined {
  try {
    return Shape.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

/** Reads a file of seals; the same seal may be there twice. `damaged` are the numbers of lines that are no seals, from 1. */
export async function readPublishedSeals(file: string): Promise<{ seals: PublishedSeal[]; damaged: number[] }> {
  const seals: PublishedSeal[] = []
  const damaged: number[] = []
  for (const [index, line] of (await readFile(file, 'utf8')).split('\n').entries()) {
    if (line === '') continue
    const seal = parseLine(line)
    if (seal) seals.push(seal)
    else damaged.push(index + 1)
  }
  return { seals, damaged }
}
