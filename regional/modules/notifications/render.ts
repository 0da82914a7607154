/** Makes a message of a template: plain text, and the same in plain HTML that loads nothing from anywhere. */
import { html } from 'hono/html'
import type { Config } from '../../config.ts'
import type { MailMessage } from '../../platform/mailer.ts'
import {
  type Audience,
  GREETINGS,
  LOCALES,
  type Locale,
  type TemplateName,
  templates,
} from './templates.ts'

/** A request as it comes out of the outbox. */
export interface StoredRequest {
  readonly to: string
  readonly template: TemplateName
  readonly locale: string | null
  readonly audience: Audience
  readonly data: {
    readonly name?: string | null | undefined
    readonly token?: string | undefined
    readonly minutes?: number | undefined
  }
}

type Sites = Pick<Config, 'SHOP_URL' | 'STAFF_URL' | 'MAIL_FROM'>

export async function renderMessage(
  { to, template, locale, audience, data }: StoredRequest,
  sites: Sites,
): Promise<Omit<MailMessage, 'id'>> {
  const { path, words, audience: fixed = audience } = templates[template]
  const language = languageOf(locale)
  const { subject, before, action, after } = words[language]
  const shop = shopNameOf(sites)
  const fill = (text: string) =>
    text
      .replaceAll('{shop}', () => shop)
      .replaceAll('{duration}', () => durationOf(data.minutes ?? 0, language))
  const site = fixed === 'staff' ? sites.STAFF_URL : sites.SHOP_URL
  // A fragment is never sent to a server, so a token stays out of every log on its way.
  const fragment = data.token === undefined ? '' : `#token=${encodeURIComponent(data.token)}`
  const parts = {
    subject: fill(subject),
    greeting: greetingOf(data.name, language),
    before: before.map(fill),
    action,
    link: site + path + fragment,
    after: after.map(fill),
    shop,
  }
  return { to, subject: parts.subject, text: asText(parts), html: await asHtml(parts, language) }
}

interface Parts {
  readonly subject: string
  readonly greeting: string
  readonly before: readonly string[]
  readonly action: string
  readonly link: string
  readonly after: readonly string[]
  readonly shop: string
}

function asText({ greeting, before, action, link, after, shop }: Parts): string {
  const call = `${action}:\n${link}`
  return `${[greeting, ...before, call, ...after, shop].join('\n\n')}\n`
}

const BODY_STYLE =
  'margin:0;padding:24px;background:#f4f5f7;color:#1c2330;font:16px/1.5 system-ui,sans-serif'
const CARD_STYLE = 'max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px'
const BUTTON_STYLE = [
  'display:inline-block;padding:12px 20px;background:#14532d',
  'color:#ffffff;border-radius:6px;text-decoration:none',
].join(';')
const SMALL_STYLE = 'color:#5b6472;font-size:13px;overflow-wrap:anywhere'

/** Styles stand in attributes: mail programs drop style sheets. */
async function asHtml(parts: Parts, language: Locale): Promise<string> {
  const { subject, greeting, before, action, link, after, shop } = parts
  const paragraphs = (texts: readonly string[]) => texts.map((text) => html`<p>${text}</p>\n`)
  const page = await html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${subject}</title>
</head>
<body style="${BODY_STYLE}"><div style="${CARD_STYLE}">
<p>${greeting}</p>
${paragraphs(before)}
<p style="margin:24px 0"><a href="${link}" style="${BUTTON_STYLE}">${action}</a></p>
${paragraphs(after)}<p style="${SMALL_STYLE}">${link}</p>
<p style="${SMALL_STYLE}">${shop}</p>
</div></body>
</html>
`
  return page.toString()
}

function languageOf(locale: string | null): Locale {
  const language = locale?.split('-')[0]?.toLowerCase()
  return LOCALES.find((known) => known === language) ?? 'en'
}

/** What people call the sender: the name beside its address, else the site's host. */
function shopNameOf({ MAIL_FROM, SHOP_URL }: Sites): string {
  const name = /^(?<name>.+) </.exec(MAIL_FROM)?.groups?.name
  return name ?? new URL(SHOP_URL).hostname
}

const NAME = /^[\p{L}\p{M}\p{N} .'’-]{1,64}$/u
/** Such as `win.example`: a mail program would make a link of it. */
const LIKE_A_HOST = /\S\.\S/

/**
 * Whoever signs somebody else's address up chooses the name, and with it words that we would send there. So one that is
 * not plainly a name is left out.
 */
function greetingOf(name: string | null | undefined, language: Locale): string {
  const { named, unnamed } = GREETINGS[language]
  const isName = name && NAME.test(name) && !LIKE_A_HOST.test(name)
  return isName ? named.replace('{name}', () => name.trim()) : unnamed
}

const MINUTES_AN_HOUR = 60
const MINUTES_A_DAY = 1_440

/** In the largest unit that needs no fraction: `90 minutes`, `2 hours`, `3 days`. */
function durationOf(minutes: number, language: Locale): string {
  const write = (count: number, unit: 'minute' | 'hour' | 'day') =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
  if (minutes % MINUTES_A_DAY === 0) return write(minutes / MINUTES_A_DAY, 'day')
  if (minutes % MINUTES_AN_HOUR === 0) return write(minutes / MINUTES_AN_HOUR, 'hour')
  return write(minutes, 'minute')
}
