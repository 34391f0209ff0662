import { writeSync } from 'node:fs'

/**
 * jest reporter: `N passed, N failed` as the very last line of standard output. A test file that could not run counts as a failure.
 * jest puts its own summary behind every other reporter, so the line waits for the end of the process.
 */
export default class CountReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    const skipped = results.numPendingTests + results.numTodoTests
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
    process.once('exit', () => writeSync(1, `${line}\n`))
  }
}
