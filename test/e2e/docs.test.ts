/** The reference page, seen by a real browser. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reference } from '../../regional/platform/reference.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { launchBrowser } from '../support/browser.ts'

let server: Server
let browser: Browser
let origin: string

beforeAll(async () => {
  const app = new Hono().route('/', reference())
  server = createServer(getRequestListener(app.fetch)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  server?.close()
})

it('the page shows every operation, asks nothing of another host and breaks no policy', async () => {
  const page = await browser.newPage({ viewport: { width: 1_400, height: 900 } })
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => asked.push(request.url()))

  const answer = await page.goto(`${origin}/docs`, { waitUntil: 'networkidle' })
  expect(answer?.headers()['content-security-policy']).toContain("default-src 'none'")
  await page.getByRole('heading', { name: 'Tradewind' }).first().waitFor()
  const screenshot = process.env.DOCS_SCREENSHOT
  if (screenshot) await page.screenshot({ path: screenshot })
  for (const { endpoint } of allEndpoints()) {
    const links = page.getByText(endpoint.summary, { exact: true })
    expect(await links.count(), endpoint.summary).toBeGreaterThan(0)
  }
  expect(complaints).toEqual([])
  const elsewhere = asked.filter((url) => !url.startsWith(origin) && !url.startsWith('data:'))
  expect(elsewhere).toEqual([])
  expect(asked.some((url) => url.includes('/docs/scalar.js?v='))).toBe(true)
  await page.close()
})

it('the policy refuses a script from another host and an inline one without the nonce', async () => {
  const page = await browser.newPage()
  await page.goto(`${origin}/docs`)
  const refused = await page.evaluate(async () => {
    const violations: string[] = []
    document.addEventListener('securitypolicyviolation', (event) => {
      violations.push(event.blockedURI)
    })
    const inline = document.createElement('script')
    inline.textContent = 'globalThis.ran = true'
    document.body.append(inline)
    const outside = document.createElement('script')
    const settled = new Promise((resolve) => outside.addEventListener('error', resolve))
    outside.src = 'http://127.0.0.1:9/outside.js'
    document.body.append(outside)
    await settled
    return { violations, ran: 'ran' in globalThis }
  })
  expect(refused.ran).toBe(false)
  expect(refused.violations).toContain('inline')
  expect(refused.violations).toContain('http://127.0.0.1:9/outside.js')
  await page.close()
})

it('the script is asked for once: a second visit finds it by its ETag unchanged', async () => {
  const first = await fetch(`${origin}/docs/scalar.js`)
  expect(first.headers.get('cache-control')).toContain('immutable')
  expect((await first.arrayBuffer()).byteLength).toBeGreaterThan(1_000_000)
  const again = await fetch(`${origin}/docs/scalar.js`, {
    headers: { 'if-none-match': first.headers.get('etag')! },
  })
  expect(again.status).toBe(304)
})

it('the document is served to anyone', async () => {
  const answer = await fetch(`${origin}/v1/openapi.json`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.json()).toMatchObject({ openapi: '3.1.1', info: { title: 'Tradewind' } })
})
