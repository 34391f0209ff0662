import type { Bench } from './openBench.ts'
import type { Server } from './children.ts'
import { startLoad } from './children.ts'
import { openProcessorClock } from './processorTime.ts'
import { byTurns } from './ratios.ts'
import type { LoadOrder } from './programs/load.ts'

/** One side of a race: where to send what. */
export interface Runner {
  readonly server: Server
  readonly path: string
  readonly requests: LoadOrder['requests']
}

export interface Race {
  /** Speed of the first to speed of the second, requests a second, one a round. */
  readonly speed: number[]
  /** Processor time of the second to that of the first, server and database together, one a round; empty where there is no /proc. */
  readonly cost: number[]
}

const CONNECTIONS = 16
/** Rounds until the compiler has seen enough of both. */
const WARM_UP_ROUNDS = 16
const ROUND_MS = 500

/** Lets two servers answer by turns under full load. */
export async function openHttpRaces(bench: Bench, superuserUrl: string) {
  const load = await startLoad(bench)
  const clock = await openProcessorClock(superuserUrl)
  bench.onClose(() => clock.close())
  const warm = new Set<number>()

  const run = async ({ server, path, requests }: Runner, ms: number) => {
    const before = await clock.read(server.pid)
    const { count, speed } = await load({ url: server.url + path, requests, connections: CONNECTIONS, ms })
    const after = await clock.read(server.pid)
    return { speed, cost: before === undefined || after === undefined ? undefined : (after - before) / count }
  }
  return {
    /** Body of the answer to one request. */
    async answer({ server, path, requests }: Runner, index: number): Promise<string> {
      return (await load({ url: server.url + path, requests: [requests.at(index)!], connections: 1, ms: 0 })).sample
    },
    async race(a: Runner, b: Runner, rounds: number): Promise<Race> {
      const isCold = !warm.has(a.server.pid) || !warm.has(b.server.pid)
      const unused = isCold ? WARM_UP_ROUNDS : 0
      for (const { server } of [a, b]) warm.add(server.pid)
      const pairs = (
        await byTurns(
          unused + rounds,
          () => run(a, ROUND_MS),
          () => run(b, ROUND_MS),
        )
      ).slice(unused)
      return {
        speed: pairs.map(([left, right]) => left.speed / right.speed),
        cost: pairs.flatMap(([left, right]) =>
          left.cost === undefined || right.cost === undefined ? [] : [right.cost / left.cost],
        ),
      }
    },
  }
}
