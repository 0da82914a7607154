/** The cache that the consistency checker's edges share: what a real workerd stores, an edge of this process finds. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Colo } from '../consistency/colo.ts'
import { startWorkerd, type Workerd } from '../consistency/workerd.ts'

const ADDRESS = 'https://cache.tradewind/1/test/v1/products/tea?market=de'
/** Stores what it is sent by PUT, and answers with what it finds. */
const SCRIPT = `export default {
  async fetch(request) {
    const seconds = new URL(request.url).searchParams.get('seconds')
    const headers = { 'cache-control': 'public, max-age=' + seconds, 'tradewind-tags': 'a b' }
    if (request.method === 'PUT') {
      await caches.default.put('${ADDRESS}', new Response(await request.text(), { headers }))
      return new Response('stored')
    }
    return (await caches.default.match('${ADDRESS}')) ?? new Response('nothing')
  },
}`

const colo = new Colo()
let folder: string
let workerd: Workerd

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-colo-'))
  const options = { folder, name: 'edge', script: SCRIPT, bindings: {} }
  workerd = await startWorkerd({ ...options, colo: await colo.listen() })
})
afterAll(async () => {
  await workerd.kill()
  await colo.close()
  await rm(folder, { recursive: true })
})

async function put(body: string, seconds: number): Promise<void> {
  await fetch(`${workerd.url}/?seconds=${seconds}`, { method: 'PUT', body })
}

test('it holds the bytes and headers that were stored, for whoever asks, and no longer than it was told', async () => {
  expect(await (await fetch(workerd.url)).text()).toBe('nothing')
  await put('Tee für zwei', 60)
  const found = (await colo.cache.match(ADDRESS))!
  expect(await found.text()).toBe('Tee für zwei')
  expect(found.headers.get('tradewind-tags')).toBe('a b')
  const headers = { 'cache-control': 'public, max-age=60' }
  await colo.cache.put(ADDRESS, new Response('Kanne', { headers }))
  expect(await (await fetch(workerd.url)).text()).toBe('Kanne')
  await put('Tasse', 1)
  await vi.waitFor(async () => expect(await colo.cache.match(ADDRESS)).toBeUndefined(), 5_000)
  expect(await (await fetch(workerd.url)).text()).toBe('nothing')
})
