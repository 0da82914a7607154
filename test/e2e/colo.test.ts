/** The Cache API of workerd between isolates: a new one finds what an earlier one left, judged by what is known now. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { HEADERS } from '../../shared/headers.ts'
import { bundleEdge, startEdge } from '../support/edge.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

const PATH = '/v1/products/dry-bag-set?market=de'
let system: TestSystem
let script: string
let cacheFolder: string

beforeAll(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'tradewind-colo-'))
  ;[system, script] = await Promise.all([startSystem(), bundleEdge()])
})
afterAll(async () => {
  await system.close()
  await rm(cacheFolder, { recursive: true, force: true })
})

/** Reads once with an isolate that knows nothing yet, in the colo of all the others, and waits until what it read is stored. */
async function readInNewIsolate(headers: Record<string, string> = {}) {
  const edge = await startEdge(system.cellUrl, script, { cacheFolder })
  try {
    const response = await fetch(edge.url + PATH, { headers })
    const text = await response.text()
    expect(response.status).toBe(200)
    await vi.waitFor(() => expect(stored()).toContain(text))
    return { from: response.headers.get('cache-status'), text }
  } finally {
    await edge.close()
  }
}

/** The files in which the colo holds the bodies. */
function files(): string[] {
  const folder = join(cacheFolder, 'cache/default/blobs')
  return readdirSync(folder).map((name) => join(folder, name))
}

function stored(): string[] {
  return files().map((file) => readFileSync(file, 'utf8'))
}

test('a new isolate answers from the colo, with the same bytes, until what is known has changed', async () => {
  const first = await readInNewIsolate()
  expect(first.from).toBe('tradewind; fwd=miss; stored')
  const second = await readInNewIsolate()
  expect(second).toEqual({ ...first, from: 'tradewind; hit; detail=colo' })

  const position = await system.changePrice('DRY-BAG-SET', 4_321)
  const third = await readInNewIsolate({ [HEADERS.position]: position })
  expect(third.from).toBe('tradewind; fwd=stale; stored')
  expect(third.text).toContain('"amountMinor":4321')
  const fourth = await readInNewIsolate()
  expect(fourth).toEqual({ ...third, from: 'tradewind; hit; detail=colo' })
})

test('what somebody else wrote into the colo is passed over, and replaced', async () => {
  const { text } = await readInNewIsolate()
  const poisoned = text.replace(/"amountMinor":\d/, '"amountMinor":1').replace('"de"', '"xx"')
  expect(poisoned).not.toBe(text)
  expect(poisoned).toHaveLength(text.length)
  for (const file of files()) {
    if (readFileSync(file, 'utf8') === text) writeFileSync(file, poisoned)
  }
  expect(stored()).not.toContain(text)
  const next = await readInNewIsolate()
  expect(next).toEqual({ from: 'tradewind; fwd=miss; stored; detail=shield', text })
  expect(await readInNewIsolate()).toEqual({ from: 'tradewind; hit; detail=colo', text })
})
