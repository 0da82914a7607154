/** Every message in every language: whole, escaped, and with its link in the right place. */
import { describe, expect, test } from 'vitest'
import {
  renderMessage,
  type StoredRequest,
} from '../../../regional/modules/notifications/render.ts'
import {
  LOCALES,
  type TemplateName,
  templates,
} from '../../../regional/modules/notifications/templates.ts'

const SITES = {
  SHOP_URL: 'https://shop.example.com/store',
  STAFF_URL: 'https://staff.example.com',
  MAIL_FROM: 'Tea & Co <shop@example.com>',
}
const NAMES = Object.keys(templates) as TemplateName[]
/** Characters that end a fragment, an attribute or a tag. */
const TOKEN = 'a"b<c>&d#e f'
const ENCODED = 'a%22b%3Cc%3E%26d%23e%20f'

function rendered(request: Partial<StoredRequest> & { template: TemplateName }) {
  const whole: StoredRequest = {
    to: 'ada@example.com',
    locale: 'en',
    audience: 'customer',
    data: { name: 'Ada', token: TOKEN, minutes: 90 },
    ...request,
  }
  return renderMessage(whole, SITES)
}

describe.each(NAMES)('%s', (template) => {
  test.each(LOCALES)(
    'says the same as text and as HTML, with nothing left to fill in: %s',
    async (locale) => {
      const { to, subject, text, html = '' } = await rendered({ template, locale })
      expect(to).toBe('ada@example.com')
      expect(subject.length).toBeGreaterThan(5)
      expect(subject + text + html).not.toMatch(/[{}]|undefined|null|NaN|\[object/)
      expect(html).toContain(`<html lang="${locale}">`)
      const [, ...paragraphs] = text.trim().split('\n\n')
      for (const paragraph of paragraphs) {
        for (const line of paragraph.replace(/:\n/, '\n').split('\n')) {
          expect(html).toContain(line.replaceAll('&', '&amp;'))
        }
      }
      expect(text).toContain('Tea & Co')
      // Nothing is fetched when it is read, and nothing runs.
      expect(html).not.toMatch(/<(?:img|script|link|iframe)|url\(/i)
    },
  )

  test('has one link, to the site of whom it is for', async () => {
    for (const audience of ['customer', 'staff'] as const) {
      const { text, html = '' } = await rendered({ template, audience })
      const isStaff = audience === 'staff' || template === 'staff-invitation'
      const site = isStaff ? SITES.STAFF_URL : SITES.SHOP_URL
      const link = `${site}${templates[template].path}#token=${ENCODED}`
      expect(text.match(/https?:\S+/g)).toEqual([link])
      expect([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([link])
    }
  })

  test('has its own words in each language, and English for any other', async () => {
    const english = await rendered({ template })
    const german = await rendered({ template, locale: 'de' })
    expect(german.subject).not.toBe(english.subject)
    expect(german.text).not.toBe(english.text)
    expect(await rendered({ template, locale: 'de-AT' })).toEqual(german)
    for (const locale of [null, 'fr', 'deu', '']) {
      expect(await rendered({ template, locale })).toEqual(english)
    }
  })
})

test('a message without a token links to the page alone', async () => {
  const { text } = await rendered({ template: 'account-exists', data: { name: null } })
  expect(text).toContain('https://shop.example.com/store/sign-in\n')
})

test.each([
  ['Ada Lovelace', 'Hello Ada Lovelace,'],
  ["Jean-Luc O'Neill Jr.", "Hello Jean-Luc O'Neill Jr.,"],
  ['Łukasz Żółć', 'Hello Łukasz Żółć,'],
  [null, 'Hello,'],
  ['', 'Hello,'],
  ['You won! http://evil.example', 'Hello,'],
  ['Claim at evil.example', 'Hello,'],
  ['<b>Ada</b>', 'Hello,'],
  ['Ada\r\nBcc: all@example.com', 'Hello,'],
  ['x'.repeat(65), 'Hello,'],
  ['$& {shop}', 'Hello,'],
])('the name %j is greeted as "%s"', async (name, greeting) => {
  const { text, html = '' } = await rendered({ template: 'account-exists', data: { name } })
  expect(text.split('\n')[0]).toBe(greeting)
  expect(html).toContain(`<p>${greeting.replaceAll("'", '&#39;')}</p>`)
})

test.each([
  [30, '30 minutes', '30 Minuten'],
  [60, '1 hour', '1 Stunde'],
  [90, '90 minutes', '90 Minuten'],
  [120, '2 hours', '2 Stunden'],
  [1_440, '1 day', '1 Tag'],
  [4_320, '3 days', '3 Tage'],
])('%i minutes are %s, or %s', async (minutes, english, german) => {
  const data = { token: 't', minutes }
  expect((await rendered({ template: 'verify-email', data })).text).toContain(`for ${english} `)
  const inGerman = await rendered({ template: 'verify-email', data, locale: 'de' })
  expect(inGerman.text).toContain(`gilt ${german} `)
})

test('a shop whose sender has no name is called by its host', async () => {
  const request: StoredRequest = {
    to: 'ada@example.com',
    template: 'staff-invitation',
    locale: 'en',
    audience: 'staff',
    data: { token: 't', minutes: 60 },
  }
  const { subject } = await renderMessage(request, { ...SITES, MAIL_FROM: 'shop@example.com' })
  expect(subject).toBe('You are invited to shop.example.com')
})
