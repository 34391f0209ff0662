import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import config from '../../jest.config.js'

// Jest's workers have the environment of the process that reads this.
process.env.PROVE = 'full'

/** Of `npm run prove`: the files that have loops, each of which then leaves out everything else. */
export default {
  ...config,
  testMatch: globSync('test/**/*.test.ts', { cwd: config.rootDir })
    .map((path) => join(config.rootDir, path))
    .filter((path) => readFileSync(path, 'utf8').includes('support/loops.ts')),
  reporters: ['<rootDir>/test/support/proveReporter.js'],
}
