/** The consistency checker as it is run: plainly, under one fault, and without one rule of the protocol. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'

const RUN_MS_MAX = 120_000

function run(...options: string[]) {
  const args = ['scripts/consistency.ts', '--json', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const last = stdout.trim().split('\n').at(-1)!
  return { status, stdout, stderr, json: last.startsWith('{') ? JSON.parse(last) : null }
}

const NO_VIOLATIONS = { readYourWrites: 0, monotonic: 0, stale: 0, divergence: 0 }
const STALENESS = {
  p50Ms: expect.any(Number),
  p99Ms: expect.any(Number),
  maxMs: expect.any(Number),
}

test(
  'a plain run finds no violation, and says how stale its reads were',
  () => {
    const { status, stdout, stderr, json } = run('--seconds', '5', '--edges', '3', '--seed', '7')
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
    expect(json).toMatchObject({
      violations: NO_VIOLATIONS,
      staleness: STALENESS,
      caught: null,
      fault: null,
      break: null,
      seed: 7,
    })
    expect(json.operations).toBeGreaterThan(200)
    expect(json.writes).toBeGreaterThan(5)
    expect(json.hits).toBeGreaterThan(json.reads / 4)
    expect(json.refused).toBeLessThan(json.reads / 100)
    expect(json.nines[0]).toEqual({ nines: 2, withinMs: expect.any(Number) })
    expect(stdout).toContain('99 % (2 nines) within')
  },
  RUN_MS_MAX,
)

test(
  'a run under a fault finds no violation either, though the fault happened',
  () => {
    const { status, stdout, json } = run(
      '--seconds',
      '5',
      '--edges',
      '2',
      '--fault',
      'cell-restart',
    )
    expect(status, stdout).toBe(0)
    expect(json).toMatchObject({ violations: NO_VIOLATIONS, caught: null, fault: 'cell-restart' })
    expect(json.faults).toBeGreaterThan(0)
  },
  RUN_MS_MAX,
)

test(
  'a run without a rule is caught',
  () => {
    const { status, stdout, json } = run('--seconds', '10', '--edges', '3', '--break', 'position')
    expect(status, stdout).toBe(0)
    expect(json).toMatchObject({ caught: true, break: 'position' })
    expect(json.violations.readYourWrites + json.violations.monotonic).toBeGreaterThan(0)
    expect(stdout).toContain('is older than')
  },
  RUN_MS_MAX,
)

test.each([
  [['--fault', 'none'], "There is no fault 'none'"],
  [['--break', 'none'], "There is no break 'none'"],
  [['--fault', 'all', '--break', 'all'], 'Choose a fault or a break'],
  [['--edges', '1'], '--edges is a whole number from 2'],
  [['--seconds', 'soon'], '--seconds is a whole number'],
])('what cannot be run is refused in one line: %s', (options, reason) => {
  const { status, stderr } = run(...options)
  expect(status).toBe(1)
  expect(stderr).toContain(reason)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})
