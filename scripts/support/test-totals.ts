/** Prints the totals of a test run, `N passed, N failed`, from the file that vitest's JSON reporter wrote. */
import { existsSync, readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

const file = process.argv[2] ?? ''
if (existsSync(file)) {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  // A file that could not even be loaded has no failed test in it, and counts as one.
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((each) => each.status === 'failed'),
  )
  console.log(`${report.numPassedTests} passed, ${report.numFailedTests + unloaded.length} failed`)
} else console.log('0 passed, 1 failed')
