import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealAudit } from '../../regional/platform/audit-seal.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { verdictOf, writeAudits } from '../support/audit.ts'
import { cloneDatabase } from '../support/database.ts'
import { testEnvironment, testServices } from '../support/services.ts'

let url: string
let services: Services
let written = 0

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
})
afterAll(() => services.close())

test.each([
  ['after audit_chain_end', 0],
  ['after audit_unsealed', 0],
  ['before audit_seal', 0],
  ['after audit_seal', 3],
])('a sealer killed %s leaves a chain that the next one goes on with', async (point, sealed) => {
  await writeAudits(services, ['one', 'two', 'three'])
  const before = written
  written += 3
  const child = fork(fileURLToPath(new URL('seal-process.ts', import.meta.url)), {
    execArgv: [],
    env: { ...testEnvironment(url), HALT_AT: point },
  })
  const exited = once(child, 'exit')
  const [message] = await once(child, 'message')
  expect(message).toEqual({ reached: point })
  child.kill('SIGKILL')
  expect(await exited).toEqual([null, 'SIGKILL'])
  const left = { sealed: before + sealed, unsealed: 3 - sealed, faults: [] }
  expect(await verdictOf(services)).toEqual(left)
  await sealAudit(services)
  expect(await verdictOf(services)).toEqual({ sealed: written, unsealed: 0, faults: [] })
})
