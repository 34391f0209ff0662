import { ServerError } from '../errors.ts'

/** A fixed number of bytes that many share. */
export interface Room {
  /** Takes some for `whose`, and gives the function that gives them back; or says what there is too little of. */
  take(whose: string, bytes: number): (() => void) | 'none of its own' | 'none at all'
}

/** @param total bytes of all together; @param each bytes that one of them may have. */
export function makeRoom({ total, each }: { total: number; each: number }): Room {
  const taken = new Map<string, number>()
  let all = 0
  return {
    take(whose, bytes) {
      const own = taken.get(whose) ?? 0
      if (own + bytes > each) return 'none of its own'
      if (all + bytes > total) return 'none at all'
      taken.set(whose, own + bytes)
      all += bytes
      let isGiven = false
      return () => {
        if (isGiven) return
        isGiven = true
        const rest = taken.get(whose)! - bytes
        if (rest === 0) taken.delete(whose)
        else taken.set(whose, rest)
        all -= bytes
      }
    },
  }
}

/** Takes room, or refuses with TOO_MUCH_IN_FLIGHT or OVERLOADED. */
export function takeRoom(room: Room, whose: string, bytes: number): () => void {
  const taken = room.take(whose, bytes)
  if (taken === 'none of its own') throw new ServerError('TOO_MUCH_IN_FLIGHT')
  if (taken === 'none at all') throw new ServerError('OVERLOADED')
  return taken
}
