/** The embedded Postgres leaves the process that starts it its own. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'

test('a process that uses it keeps its exit status', () => {
  const script = `await import('./scripts/support/embedded-postgres.ts'); process.exitCode = 3`
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
  })
  expect(status).toBe(3)
})
