/** A cell's keys are rotated under a running system: no good token is refused at any moment. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Services } from '../../regional/platform/implement.ts'
import { AHEAD_SECONDS } from '../../regional/platform/signing-keys.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { queryRows } from '../support/database.ts'
import { testEnvironment, testServices } from '../support/services.ts'
import { openAccount, signInAt } from '../support/sign-in.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

/** Longer than an edge waits before it asks for an unknown key, and a cell before it reads its keys again. */
const WATCHED_MS = 6_000

let system: TestSystem
let services: Services

beforeAll(async () => {
  system = await startSystem()
  services = testServices(system.databaseUrl)
})
afterAll(() => Promise.all([services.close(), system.close()]))

function keysRotate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/keys-rotate.ts', '--json', ...args],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: { PATH: join(ROOT, 'node_modules/.bin'), ...testEnvironment(system.databaseUrl) },
    },
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { rotated: string | null; keys: { kid: string; signing: boolean }[] }
}

test('tokens of the old key and the new are good throughout a rotation, at an edge that was there before', async () => {
  const account = await openAccount(services, system.databaseUrl, { kind: 'customer' })
  let session = await signInAt(system.edgeUrl, account)
  const seen = new Map<string, string>()
  const refused: string[] = []
  const look = async () => {
    const body = { refreshToken: session.refreshToken }
    session = await system.client().identity.refreshSession({ body })
    seen.set(decodeProtectedHeader(session.accessToken).kid!, session.accessToken)
    for (const [kid, token] of seen) {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${system.edgeUrl}/v1/products?market=de&limit=1`, { headers })
      await response.arrayBuffer()
      if (response.status !== 200) refused.push(`${kid}: ${response.status}`)
    }
  }
  const watch = async () => {
    const startedAtMs = performance.now()
    while (performance.now() - startedAtMs < WATCHED_MS) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, WATCHED_MS / 8))
    }
  }
  await look()
  const before = keysRotate('--list')
  const { rotated } = keysRotate()
  expect(before.keys.map(({ kid }) => kid)).not.toContain(rotated)
  await watch()
  expect([...seen.keys()]).not.toContain(rotated)

  // As if the time had passed for which a key is published before it signs.
  await queryRows(
    system.databaseUrl,
    `update signing_key set signs_from = signs_from - make_interval(secs => $1),
      verifies_until = verifies_until - make_interval(secs => $1)`,
    [AHEAD_SECONDS + 1],
  )
  await watch()
  expect([...seen.keys()]).toContain(rotated)
  expect(seen.size).toBe(2)
  expect(refused).toEqual([])
})
