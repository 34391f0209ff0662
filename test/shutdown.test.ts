import { createShutdown } from '../src/shutdown.ts'

test('what was opened first is closed last, once, whatever fails or hangs', async () => {
  const closed: string[] = []
  const logged: string[] = []
  const shutdown = createShutdown({ log: (line) => logged.push(line), stepTimeoutMs: 20 })
  shutdown.add('database', () => closed.push('database'))
  shutdown.add('pool', () => Promise.reject(new Error('broken')))
  shutdown.add('server', () => new Promise(() => {}))
  shutdown.add('worker', async () => closed.push('worker'))
  const both = await Promise.all([shutdown.run('test'), shutdown.run('again')])
  expect(both).toEqual([false, false])
  expect(closed).toEqual(['worker', 'database'])
  expect(logged).toEqual(['Stopping: test.', 'Stopping server failed.', 'Stopping pool failed.'])
})

test('a clean end says so', async () => {
  const shutdown = createShutdown()
  shutdown.add('nothing', () => {})
  expect(await shutdown.run('test')).toBe(true)
})
