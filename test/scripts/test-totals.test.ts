/** The totals of a run count what failed, even what could not be loaded. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'

const totals = (file: string) =>
  spawnSync(process.execPath, ['scripts/support/test-totals.ts', file], {
    cwd: ROOT,
    encoding: 'utf8',
  }).stdout

test('passed and failed tests are counted, and a file that did not load is one that failed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-totals-'))
  const file = join(folder, 'tests.json')
  const report = {
    numPassedTests: 7,
    numFailedTests: 1,
    testResults: [
      { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
      { status: 'failed', assertionResults: [] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ],
  }
  writeFileSync(file, JSON.stringify(report))
  expect(totals(file)).toBe('7 passed, 2 failed\n')
  rmSync(folder, { recursive: true })
})

test('a run that wrote nothing has failed', () => {
  expect(totals('/nowhere/tests.json')).toBe('0 passed, 1 failed\n')
})
