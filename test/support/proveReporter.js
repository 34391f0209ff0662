/** jest reporter of `npm run prove`: loops that held have said so themselves; this says which did not, why, and how many there were. */
export default class ProveReporter {
  #started = performance.now()

  onTestFileResult(_test, { testExecError, testFilePath, testResults }) {
    if (testExecError) console.log(`FAILED  ${testFilePath}\n${testExecError.message ?? String(testExecError)}`)
    for (const { title, status, failureMessages } of testResults)
      if (status === 'failed') console.log(`FAILED  ${title}\n${failureMessages.join('\n')}`)
  }

  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(0)
    console.log(`${numPassedTests} loops held, ${numFailedTests + numRuntimeErrorTestSuites} failed, in ${seconds} s`)
  }
}
