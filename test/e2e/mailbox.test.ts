/** The mailbox of development, through a real edge and in a real browser; and that it is nowhere else. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../regional/app.ts'
import { FolderMailer } from '../../regional/modules/notifications/folder-mailer.ts'
import { renderMessage } from '../../regional/modules/notifications/render.ts'
import type { TemplateName } from '../../regional/modules/notifications/templates.ts'
import { launchBrowser } from '../support/browser.ts'
import { type CellProcess, startCellProcess } from '../support/cell-process.ts'
import { cloneDatabase } from '../support/database.ts'
import { bundleEdge, startEdge, type TestEdge } from '../support/edge.ts'
import { testServices } from '../support/services.ts'

const TOKEN = 'token-of-ada'
const SITES = {
  SHOP_URL: 'http://shop.tradewind.test',
  STAFF_URL: 'http://staff.tradewind.test',
  MAIL_FROM: 'Tea <shop@tradewind.test>',
}

let folder: string
let databaseUrl: string
let script: string
let cell: CellProcess
let edge: TestEdge
let browser: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-mailbox-'))
  databaseUrl = await cloneDatabase()
  script = await bundleEdge()
  browser = await launchBrowser()
  cell = await startCellProcess(databaseUrl, { NODE_ENV: 'development', MAIL_FOLDER: folder })
  edge = await startEdge(cell.url, script)
})
afterAll(async () => {
  await browser?.close()
  await edge?.close()
  await cell?.end('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function receive(id: string, template: TemplateName, locale = 'en'): Promise<void> {
  const message = await renderMessage(
    {
      to: 'ada@example.com',
      template,
      locale,
      audience: 'customer',
      data: { name: 'Ada', token: TOKEN, minutes: 60 },
    },
    SITES,
  )
  await new FolderMailer({ folder, from: SITES.MAIL_FROM }).send({ id, ...message })
}

interface Watched {
  readonly page: Page
  /** What the browser complained of, and what it asked of others. */
  readonly faults: string[]
}

async function open(path: string, width = 1_000): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const isOurs = request.url().startsWith(edge.url) || request.url().startsWith('data:')
    if (!isOurs) faults.push(request.url())
  })
  await page.goto(edge.url + path, { waitUntil: 'networkidle' })
  return { page, faults }
}

async function picture(page: Page, name: string): Promise<void> {
  const place = process.env.MAILBOX_SCREENSHOTS
  if (place) await page.screenshot({ path: join(place, `${name}.png`), fullPage: true })
}

test('an empty mailbox says what to do', async () => {
  const { page, faults } = await open('/dev/mailbox')
  await page.getByRole('heading', { name: 'No messages yet' }).waitFor()
  expect(await page.getByText('Sign up, or ask for a new password').count()).toBe(1)
  expect(await page.getByRole('link', { name: 'look again' }).count()).toBe(1)
  await picture(page, 'empty')
  expect(faults).toEqual([])
  await page.close()
})

test('messages are listed, the newest first, and one opens as it looks and as text', async () => {
  await receive('id-1', 'verify-email')
  await receive('id-2', 'reset-password', 'de')
  await receive('id-3', 'staff-invitation')
  const { page, faults } = await open('/dev/mailbox')
  expect(await page.locator('.mails strong').allTextContents()).toEqual([
    'You are invited to Tea',
    'Wählen Sie ein neues Passwort',
    'Confirm your e-mail address',
  ])
  await picture(page, 'list')
  await page.getByRole('link', { name: /Confirm your e-mail address/ }).click()
  await page.getByRole('heading', { name: 'Confirm your e-mail address' }).waitFor()
  const link = `${SITES.SHOP_URL}/verify-email#token=${TOKEN}`
  expect(await page.locator('pre').textContent()).toContain(link)
  const button = page.frameLocator('iframe').getByRole('link', { name: 'Confirm address' })
  expect(await button.getAttribute('href')).toBe(link)
  await picture(page, 'message')
  expect(faults).toEqual([])
  await page.close()
})

test('a message as wide as a phone fits, in the list and open', async () => {
  await receive('id-1', 'account-exists', 'de')
  for (const path of ['/dev/mailbox', '/dev/mailbox/id-1']) {
    const { page } = await open(path, 360)
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(width).toBeLessThanOrEqual(360)
    await picture(page, `narrow-${path.split('/').length}`)
    await page.close()
  }
})

test('what a message holds runs nothing and sees nothing', async () => {
  const mailer = new FolderMailer({ folder, from: SITES.MAIL_FROM })
  const harm = `<img src=x onerror="parent.document.title='taken'"><script>parent.ran = 1</script>`
  const html = `<!doctype html><html><head></head><body>${harm}<p>read me</p></body></html>`
  await mailer.send({ id: 'id-1', to: `"${harm}"@example.com`, subject: harm, text: harm, html })
  const { page } = await open('/dev/mailbox')
  expect(await page.locator('.mails strong').textContent()).toBe(harm)
  await page.locator('.mails a').click()
  await page.frameLocator('iframe').getByText('read me').waitFor()
  expect(await page.title()).toBe(`${harm} · Tradewind`)
  expect(await page.evaluate(() => 'ran' in globalThis)).toBe(false)
  expect(await page.locator('pre').textContent()).toBe(harm)
  await page.close()
})

test('no other origin may read it, nothing keeps it, and nobody may frame it', async () => {
  await receive('id-1', 'verify-email')
  for (const path of ['/dev/mailbox', '/dev/mailbox/id-1', '/dev/mailbox/id-1/html']) {
    const { status, headers } = await fetch(edge.url + path, {
      headers: { origin: 'https://elsewhere.example' },
    })
    expect(status).toBe(200)
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toMatch(/frame-ancestors '(?:none|self)'/)
  }
  const missing = await fetch(`${edge.url}/dev/mailbox/id-2`)
  expect(missing.status).toBe(404)
  expect(await missing.json()).toMatchObject({ code: 'route.unknown' })
})

describe('outside development', () => {
  test.each(['staging', 'production'])('an edge in %s passes nobody to it', async (environment) => {
    const other = await startEdge(cell.url, script, { bindings: { ENVIRONMENT: environment } })
    try {
      for (const path of ['/dev/mailbox', '/dev/mailbox/id-1']) {
        expect((await fetch(other.url + path)).status).toBe(404)
      }
      // The cell behind it has one, so it is the edge that refuses.
      expect((await fetch(`${cell.url}/dev/mailbox`)).status).toBe(200)
    } finally {
      await other.close()
    }
  })

  test.each([
    ['production', { NODE_ENV: 'production', SMTP_URL: 'smtp://127.0.0.1:1' }],
    ['development with a mail server', { NODE_ENV: 'development', SMTP_URL: 'smtp://127.0.0.1:1' }],
    ['a test', { NODE_ENV: 'test', MAIL_FOLDER: tmpdir() }],
  ])('a cell in %s has none', async (_, config) => {
    const services = testServices(databaseUrl, { config })
    try {
      const app = createApp(services, [])
      expect((await app.request('http://cell.test/dev/mailbox')).status).toBe(404)
      expect((await app.request('http://cell.test/health/live')).status).toBe(200)
    } finally {
      await services.close()
    }
  })
})
