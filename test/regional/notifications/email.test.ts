/** From the event to the message, on a real queue: sent, repeated, refused, lapsed, and then forgotten. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type EmailRequest,
  emailRequested,
  notifications,
} from '../../../regional/modules/notifications/index.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { type Jobs, startJobs } from '../../../regional/platform/jobs.ts'
import { forgetPayload, heldPayload, pruneOutbox } from '../../../regional/platform/outbox.ts'
import { freePort } from '../../../scripts/support/ports.ts'
import { startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { mailsTo } from '../../support/mail.ts'
import { testServices } from '../../support/services.ts'
import { startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts'

const ADDRESS = 'ada.lovelace@example.com'
const TOKEN = 'one-time-token-of-ada'

let url: string
let ending: (() => unknown)[]

beforeEach(async () => {
  url = await cloneDatabase()
  ending = []
})
afterEach(async () => {
  for (const end of ending.reverse()) await end()
})

function open(config: Record<string, string> = {}): Services {
  const services = testServices(url, { config })
  ending.push(() => services.close())
  return services
}

async function work(services: Services): Promise<Jobs> {
  const jobs = await startJobs(services, [notifications])
  ending.push(() => jobs.stop())
  return jobs
}

async function smtp(options: Parameters<typeof startSmtpServer>[0] = {}): Promise<TestSmtpServer> {
  const server = await startSmtpServer(options)
  ending.push(() => server.close())
  return server
}

async function ask(services: Services, asked: Partial<EmailRequest> = {}): Promise<void> {
  const request = {
    to: ADDRESS,
    template: 'verify-email',
    locale: 'de',
    data: { name: 'Ada', token: TOKEN, minutes: 60 },
    ...asked,
  } as EmailRequest
  await services.db.inTransaction(async (tx) => tx.publish(emailRequested(request)))
}

interface OutboxRow {
  id: string
  payload: Record<string, unknown>
  is_held: boolean
}
const outbox = () => queryRows<OutboxRow>(url, 'select id, payload, is_held from outbox')

/** Rows of the queue in a state, or of the dead letters. */
async function jobsIn(state: string, name = 'send-email') {
  const text = 'select id, output from pgboss.job where name = $1 and state = $2::pgboss.job_state'
  return await queryRows(url, text, [name, state])
}

/** All that the queues and the outbox hold, as text. */
async function remains(): Promise<string> {
  const rows = await queryRows(
    url,
    `select to_jsonb(job)::text as text from pgboss.job
      union all select to_jsonb(outbox)::text from outbox`,
  )
  return JSON.stringify(rows)
}

async function forgotten(): Promise<void> {
  await vi.waitFor(async () => {
    expect(await outbox()).toMatchObject([{ payload: {}, is_held: false }])
  }, 10_000)
}

test('what is asked for in a transaction comes as a file, and nothing of it remains', async () => {
  const services = open()
  await ask(services)
  const before = await remains()
  expect(before).toContain(ADDRESS)
  await work(services)
  const [mail] = await mailsTo(ADDRESS)
  const [event] = await outbox()
  expect(mail).toMatchObject({
    id: event!.id,
    from: 'Test shop <shop@tradewind.test>',
    subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
  })
  expect(mail!.text).toContain(`https://shop.tradewind.test/verify-email#token=${TOKEN}\n`)
  await forgotten()
  await vi.waitFor(async () => expect(await jobsIn('completed')).toHaveLength(1), 5_000)
  const after = await remains()
  expect(after).not.toContain(ADDRESS)
  expect(after).not.toContain(TOKEN)
})

test('a transaction that is rolled back sends nothing', async () => {
  const services = open()
  const spilt = services.db.inTransaction(async (tx) => {
    const data = { token: TOKEN, minutes: 60 }
    tx.publish(
      emailRequested({ to: 'b@example.com', template: 'verify-email', locale: null, data }),
    )
    throw new Error('spilt')
  })
  await expect(spilt).rejects.toThrow('spilt')
  expect(await outbox()).toEqual([])
})

test('what has lapsed is found by an index of what is held', async () => {
  const plan = await queryRows(
    url,
    `explain update outbox set payload = '{}', is_held = false
      where is_held and occurred_at < now() - make_interval(hours => 24)`,
  )
  expect(JSON.stringify(plan)).toContain('outbox_held')
})

test('a job never holds what is held', async () => {
  const away = await freePort()
  const services = open({ SMTP_URL: `smtp://127.0.0.1:${away}` })
  await work(services)
  await ask(services)
  await vi.waitFor(async () => expect(await jobsIn('retry')).toHaveLength(1), 10_000)
  const jobs = await queryRows<{ text: string }>(
    url,
    `select to_jsonb(job)::text as text from pgboss.job where name = 'send-email'`,
  )
  expect(jobs).toHaveLength(1)
  expect(jobs[0]!.text).toContain('notification.email_requested')
  expect(jobs[0]!.text).not.toMatch(/lovelace|one-time-token/)
})

describe('by SMTP', () => {
  test('a message is delivered once, named for its event, and answers nobody', async () => {
    const server = await smtp()
    const services = open({ SMTP_URL: server.url })
    await work(services)
    await ask(services)
    await forgotten()
    const [event] = await outbox()
    expect(server.received).toHaveLength(1)
    const { from, to, content } = server.received[0]!
    expect({ from, to }).toEqual({ from: 'shop@tradewind.test', to: [ADDRESS] })
    expect(content).toContain(`Message-ID: <${event!.id}@tradewind.test>`)
    expect(content).toContain('Auto-Submitted: auto-generated')
    expect(content).toContain('multipart/alternative')
  })

  test('fifty messages are all delivered, each to its own address', async () => {
    const server = await smtp()
    const services = open({ SMTP_URL: server.url })
    const addresses = Array.from({ length: 50 }, (_, index) => `reader-${index}@example.com`)
    await Promise.all(addresses.map((to) => ask(services, { to })))
    await work(services)
    await vi.waitFor(() => expect(server.received.length).toBeGreaterThanOrEqual(50), 20_000)
    expect(server.received.flatMap(({ to }) => to).sort()).toEqual(addresses.sort())
  })

  test('while the server is away a message waits, and it is delivered when the server is back', async () => {
    const port = await freePort()
    const services = open({ SMTP_URL: `smtp://127.0.0.1:${port}?ignoreTLS=true` })
    await work(services)
    await ask(services)
    await vi.waitFor(async () => expect(await jobsIn('retry')).toHaveLength(1), 10_000)
    expect(await outbox()).toMatchObject([{ is_held: true }])
    const server = await smtp({ port })
    await vi.waitFor(() => expect(server.received).toHaveLength(1), 20_000)
    expect(server.received[0]!.to).toEqual([ADDRESS])
    await forgotten()
  })

  test('a refusal for now is tried again, and one for good ends in the dead letters', async () => {
    const now = 'later@example.com'
    const server = await smtp({ refuse: { [ADDRESS]: 550, [now]: 450 } })
    const services = open({ SMTP_URL: server.url })
    const cell = await startCellProcess(url, { SMTP_URL: server.url, LOG_LEVEL: 'debug' })
    ending.push(() => cell.end('SIGKILL'))
    await ask(services)
    await ask(services, { to: now })
    await vi.waitFor(
      async () => expect(await jobsIn('created', 'dead-letter')).toHaveLength(1),
      10_000,
    )
    await vi.waitFor(async () => expect(await jobsIn('retry')).toHaveLength(1), 10_000)
    expect(await jobsIn('failed')).toMatchObject([{ output: { reason: 'Error EENVELOPE_550' } }])
    expect(await jobsIn('retry')).toMatchObject([{ output: { reason: 'Error EENVELOPE_450' } }])
    expect(server.received).toEqual([])
    await vi.waitFor(() => expect(cell.output()).toContain('EENVELOPE_550'), 5_000)
    expect(cell.output()).not.toMatch(/lovelace|later@|one-time-token/)
    const jobs = JSON.stringify(await queryRows(url, 'select to_jsonb(job)::text from pgboss.job'))
    expect(jobs).not.toMatch(/lovelace|later@|one-time-token/)
  })
})

describe('what is held', () => {
  test('a repeat after the message was sent sends nothing', async () => {
    const server = await smtp()
    const services = open({ SMTP_URL: server.url })
    await ask(services)
    const [{ id }] = (await outbox()) as [OutboxRow]
    const event = { id, type: 'notification.email_requested', subject: 'verify-email', payload: {} }
    const [sendEmail] = notifications.reactions
    await sendEmail!.run(services, event)
    await sendEmail!.run(services, event)
    expect(server.received).toHaveLength(1)
  })

  test('a message that fails keeps what it needs to be sent again', async () => {
    const services = open({ SMTP_URL: `smtp://127.0.0.1:${await freePort()}` })
    await ask(services)
    const [{ id }] = (await outbox()) as [OutboxRow]
    const event = { id, type: 'notification.email_requested', subject: 'verify-email', payload: {} }
    const sent = notifications.reactions[0]!.run(services, event)
    await expect(sent).rejects.toMatchObject({ code: 'ESOCKET' })
    expect((await heldPayload(services.db, id))?.payload).toMatchObject({ to: ADDRESS })
    await forgetPayload(services.db, id)
    expect(await heldPayload(services.db, id)).toBeNull()
  })

  test('a link that has lapsed is forgotten and not sent; news without a link is still sent', async () => {
    const server = await smtp()
    const services = open({ SMTP_URL: server.url })
    await ask(services)
    await ask(services, { to: 'late@example.com', template: 'password-changed', data: {} })
    await queryRows(url, `update outbox set occurred_at = now() - interval '61 minutes'`)
    await work(services)
    await vi.waitFor(async () => expect(await jobsIn('completed')).toHaveLength(2), 10_000)
    expect(server.received.map(({ to }) => to)).toEqual([['late@example.com']])
    expect(await outbox()).toMatchObject([{ payload: {} }, { payload: {} }])
  })

  test('what could not be sent for a day is forgotten, and the rest of the outbox is not', async () => {
    const services = open()
    await ask(services)
    await ask(services, { to: 'recent@example.com' })
    await services.db.inTransaction(async (tx) =>
      tx.publish({ type: 'tea.brewed', subject: 'pot', payload: { kind: 'green' } }),
    )
    const old = `update outbox set occurred_at = now() - interval '25 hours'
      where payload->>'to' = $1 or type = 'tea.brewed'`
    await queryRows(url, old, [ADDRESS])
    await pruneOutbox(services.db)
    const rows = await queryRows(url, 'select type, payload, is_held from outbox order by id')
    expect(rows).toMatchObject([
      { payload: {}, is_held: false },
      { payload: { to: 'recent@example.com' }, is_held: true },
      { payload: { kind: 'green' }, is_held: false },
    ])
    expect(rows[0]!.payload).toEqual({})
  })

  test('a payload that nobody can read is a dead letter at once, and is not quoted', async () => {
    const services = open()
    await work(services)
    await services.db.inTransaction(async (tx) =>
      tx.publish({
        type: 'notification.email_requested',
        subject: 'no-such-template',
        payload: { to: ADDRESS, template: 'no-such-template', locale: null, data: {} },
        isHeld: true,
      }),
    )
    await vi.waitFor(
      async () => expect(await jobsIn('created', 'dead-letter')).toHaveLength(1),
      10_000,
    )
    const failed = await jobsIn('failed')
    expect(failed).toMatchObject([{ output: { reason: 'ZodError EMAIL_REQUEST_INVALID' } }])
  })
})
