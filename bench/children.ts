import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { ApiOptions } from './programs/api.ts'
import type { CrowdAnswer, CrowdOrder } from './programs/crowd.ts'
import type { HandWrittenOptions } from './programs/handWritten.ts'
import type { LoadAnswer, LoadOrder } from './programs/load.ts'
import type { Bench } from './openBench.ts'

/** What a program is started with, by its file's name. */
interface Programs {
  api: ApiOptions
  handWritten: HandWrittenOptions
}

export interface Server {
  readonly url: string
  readonly pid: number
  /** Sends a message and waits for the answer, of programs that answer. */
  ask<A>(message: object | string): Promise<A>
}

/** Starts a server of programs/ in a process of its own and waits until it serves. */
export async function startServer<T extends keyof Programs>(
  bench: Bench,
  program: T,
  options: Programs[T],
  flags: readonly string[] = [],
): Promise<Server> {
  const child = start(bench, program, flags)
  child.send(options)
  const { url } = await child.next<{ url: string }>()
  return { url, pid: child.pid, ask: child.ask }
}

/** Starts a crowd: a function that lets so many log in at the same moment and tells what became of them. */
export async function startCrowd(bench: Bench): Promise<(order: CrowdOrder) => Promise<CrowdAnswer>> {
  const child = start(bench, 'crowd', [])
  return async (order) => {
    child.send(order)
    const answer = await child.next<CrowdAnswer | { error: string }>()
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }
}

/** Starts the client: a function that sends requests for a while and tells how many were answered. */
export async function startLoad(bench: Bench): Promise<(order: LoadOrder) => Promise<LoadAnswer>> {
  const child = start(bench, 'load', [])
  return async (order) => {
    child.send(order)
    const answer = await child.next<LoadAnswer | { error: string }>()
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }
}

/** Starts a program that answers messages. */
export function startProgram(bench: Bench, program: string) {
  return start(bench, program, [])
}

function start(bench: Bench, program: string, flags: readonly string[]) {
  const profile =
    bench.profileDir === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${bench.profileDir}`, `--cpu-prof-name=${program}-${Date.now()}.cpuprofile`]
  const child = fork(join(import.meta.dirname, 'programs', `${program}.ts`), {
    execArgv: ['--disable-warning=ExperimentalWarning', ...profile, ...flags],
    // What they log goes nowhere, but they do log.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  bench.onClose(
    () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) return resolve(undefined)
        child.once('exit', resolve)
        child.disconnect()
      }),
  )
  const next = <A>() =>
    new Promise<A>((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`bench/programs/${program}.ts ended with ${code}`))
      child.once('exit', onExit)
      child.once('message', (message) => {
        child.off('exit', onExit)
        resolve(message as A)
      })
    })
  const send = (message: object | string) => void child.send(message)
  return {
    pid: child.pid!,
    send,
    next,
    ask<A>(message: object | string): Promise<A> {
      const answer = next<A>()
      send(message)
      return answer
    },
  }
}
