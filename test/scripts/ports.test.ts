/** Ports: a taken one is passed over. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, freePortFrom } from '../../scripts/support/ports.ts'

test('the first port that nobody listens on and that was not given out is taken', async () => {
  const wanted = await freePort()
  const none = new Set<number>()
  expect(await freePortFrom(wanted, none)).toBe(wanted)
  expect(await freePortFrom(wanted, new Set([wanted]))).toBeGreaterThan(wanted)
  const server = createServer().listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  expect(await freePortFrom(wanted, none)).toBeGreaterThan(wanted)
  server.close()
})
