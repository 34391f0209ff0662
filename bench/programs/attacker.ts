/** The attacker: begins the attack it is told by name, and ends it when it is told so. */
import { attacks } from '../hostile/attacks.ts'

export interface AttackOrder {
  readonly name: string
  readonly url: string
  readonly token: string
}

export interface AttackAnswer {
  /** How the server answered, and how often. */
  readonly answers: Readonly<Record<string, number>>
}

let stop = async (): Promise<AttackAnswer> => ({ answers: {} })

process.on('message', (order: AttackOrder | 'stop') => {
  if (order === 'stop') {
    void stop().then((answer) => process.send!(answer))
    return
  }
  const over = new AbortController()
  const answers = new Map<string, number>()
  const attack = attacks.find(({ name }) => name === order.name)!
  const done = attack.run({ url: order.url, token: order.token, signal: over.signal, answers })
  stop = async () => {
    over.abort()
    await done
    return { answers: Object.fromEntries(answers) }
  }
  process.send!('begun')
})
process.on('disconnect', () => process.exit(0))
