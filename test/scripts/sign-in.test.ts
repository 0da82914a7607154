/** `npm run sign-in` where there is nothing to sign in to. With a system it is tested by `test/e2e/dev.test.ts`. */
import { spawnSync } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'

vi.setConfig({ testTimeout: 30_000 })

const NOWHERE = 'http://127.0.0.1:9'

test.each([
  [[], 'No system runs: start it with `npm run dev`'],
  [['--url', NOWHERE], 'This folder knows no owner'],
  [['--url', NOWHERE, '--kind', 'customer'], 'A customer signs in by an address'],
  [['--url', NOWHERE, '--kind', 'guest'], "--kind is staff or customer, and is 'guest'"],
  [['--url', NOWHERE, '--email', 'ada@example.com'], 'identity.signIn got no answer'],
])('%j is refused in one line', (args, reason) => {
  const { status, stdout, stderr } = spawnSync('node', ['scripts/sign-in.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    input: 'hidden from every line\n',
    env: { ...process.env, TRADEWIND_STATE: '/nonexistent' },
  })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(reason)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).not.toContain('hidden')
})
