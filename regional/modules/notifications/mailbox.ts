/** The mailbox of development: pages that show what the cell has sent to a folder. Never in production. */
import { randomBytes } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import { Problem } from '../../../shared/problems.ts'
import type { Config } from '../../config.ts'
import { MAILS_MAX, readMail, readMails, type StoredMail } from './folder-mailer.ts'
import { MAILBOX_STYLE } from './mailbox-style.ts'

const ROOT = '/dev/mailbox'

/** `null` where there is no such page: outside development, and where mail is not kept in a folder. */
export function mailboxPages({ NODE_ENV, MAIL_FOLDER: folder }: Config): Hono | null {
  if (NODE_ENV !== 'development' || folder === undefined) return null
  const app = new Hono()

  app.get(ROOT, async (c) => page(c, 'Mailbox', listOf(await readMails(folder))))
  app.get(`${ROOT}/:id`, async (c) => {
    const mail = await known(c.req.param('id'))
    return page(c, mail.subject, messageOf(mail))
  })
  app.get(`${ROOT}/:id/html`, async (c) => {
    const mail = await known(c.req.param('id'))
    // A link opens beside the mailbox, because nothing may leave the frame.
    const body = (mail.html ?? '').replace('<head>', '<head><base target="_blank">')
    return c.html(body, 200, { ...FIXED_HEADERS, 'content-security-policy': MESSAGE_POLICY })
  })
  return app

  async function known(id: string): Promise<StoredMail> {
    const mail = await readMail(folder!, id)
    if (mail === null) throw new Problem('route.unknown')
    return mail
  }
}

type Html = ReturnType<typeof html>

const FIXED_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

const SANDBOX = 'allow-popups allow-popups-to-escape-sandbox'

/** A message runs nothing, loads nothing and cannot see the page around it, also when it is opened by itself. */
const MESSAGE_POLICY = [
  `sandbox ${SANDBOX}`,
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ')

function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    'img-src data:',
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

async function page(c: Context, title: string, main: Html): Promise<Response> {
  const nonce = randomBytes(16).toString('base64')
  const whole = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Tradewind</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${MAILBOX_STYLE}</style>
</head>
<body>
<header>
<a class="home" href="${ROOT}">Tradewind mailbox</a><span>development</span>
</header>
<main>${main}</main>
</body>
</html>
`
  return c.html(whole.toString(), 200, {
    ...FIXED_HEADERS,
    'content-security-policy': pagePolicy(nonce),
  })
}

function listOf(mails: readonly StoredMail[]): Html {
  if (mails.length === 0) {
    return html`<section class="empty">
<h1>No messages yet</h1>
<p>E-mail that this cell sends is kept here instead of being delivered. Sign up, or ask for a
new password, with any address; then <a href="${ROOT}">look again</a>.</p>
</section>`
  }
  const count = mails.length === 1 ? '1 message' : `${mails.length} messages`
  return html`<div class="bar">
<h1>${count}</h1><a class="button" href="${ROOT}">Look again</a>
</div>
<ul class="mails">${mails.map(
    (mail) => html`
<li><a href="${ROOT}/${mail.id}">
<strong>${mail.subject}</strong>
<span class="to">${mail.to}</span>
${timeOf(mail)}
</a></li>`,
  )}
</ul>
<p class="note">Nothing here was delivered to anybody. The newest ${MAILS_MAX} are kept.</p>`
}

function messageOf(mail: StoredMail): Html {
  const { id, from, to, subject, text } = mail
  const frame = html`<iframe title="The message as HTML" sandbox="${SANDBOX}"
  src="${ROOT}/${id}/html"></iframe>`
  return html`<p><a class="button" href="${ROOT}">← All messages</a></p>
<h1>${subject}</h1>
<dl>
<dt>To</dt><dd>${to}</dd>
<dt>From</dt><dd>${from}</dd>
<dt>Sent</dt><dd>${timeOf(mail)}</dd>
</dl>
${mail.html === undefined ? '' : frame}
<h2>Plain text</h2>
<pre>${text}</pre>`
}

function timeOf({ sentAt }: StoredMail): Html {
  const iso = sentAt.toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`
}
