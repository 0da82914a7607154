/** What carries messages: a server that must be trusted with them, and a folder that does not grow. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FolderMailer,
  MAILS_MAX,
  readMail,
  readMails,
} from '../../../regional/modules/notifications/folder-mailer.ts'
import { SmtpMailer } from '../../../regional/modules/notifications/smtp-mailer.ts'
import { FinalFailure } from '../../../regional/platform/implement.ts'
import type { Mailer } from '../../../regional/platform/mailer.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'

const FROM = 'Test shop <shop@example.com>'
const message = { id: 'id-1', to: 'ada@example.com', subject: 'Tea', text: 'It is ready.\n' }

function within(ms = 10_000): AbortSignal {
  return AbortSignal.timeout(ms)
}

describe('by SMTP', () => {
  let ending: (() => unknown)[]
  beforeEach(() => {
    ending = []
  })
  afterEach(async () => {
    for (const end of ending.reverse()) await end()
  })

  async function server(options: Parameters<typeof startSmtpServer>[0] = {}) {
    const started = await startSmtpServer(options)
    ending.push(() => started.close())
    return started
  }
  function mailer(url: string, needsTls = false): Mailer {
    const opened = new SmtpMailer({ url, from: FROM, needsTls })
    ending.push(() => opened.close())
    return opened
  }

  test('a server that speaks in clear gets nothing where TLS is needed, unless its URL says so', async () => {
    const { port, received } = await server()
    const refused = mailer(`smtp://127.0.0.1:${port}`, true).send(message, within())
    await expect(refused).rejects.toMatchObject({ code: 'ETLS_500' })
    await expect(refused).rejects.not.toBeInstanceOf(FinalFailure)
    expect(received).toEqual([])
    await mailer(`smtp://127.0.0.1:${port}?ignoreTLS=true`, true).send(message, within())
    expect(received).toMatchObject([{ isEncrypted: false }])
  })

  test('where TLS is offered it is spoken, and with whom nobody vouches for not at all', async () => {
    const { port, received } = await server({ server: { disabledCommands: [] } })
    const unvouched = mailer(`smtp://127.0.0.1:${port}`, true).send(message, within())
    await expect(unvouched).rejects.toThrow()
    expect(received).toEqual([])
    const url = `smtp://127.0.0.1:${port}?tls.rejectUnauthorized=false`
    await mailer(url, true).send(message, within())
    expect(received).toMatchObject([{ isEncrypted: true }])
  })

  test('an address is one recipient, whatever it looks like', async () => {
    const { url, received } = await server()
    const smtp = mailer(url)
    for (const to of ['a@example.com, b@example.com', 'a@example.com\r\nRCPT TO:<b@example.com>']) {
      await smtp.send({ ...message, to }, within()).catch(() => {})
    }
    expect(received.flatMap(({ to }) => to)).not.toContain('b@example.com')
    await smtp.send({ ...message, subject: 'Tea\r\nBcc: b@example.com' }, within())
    const { to, content } = received.at(-1)!
    expect(to).toEqual(['ada@example.com'])
    expect(content).not.toMatch(/^Bcc:/m)
  })

  test('a server that says nothing is given up when the time is over', async () => {
    const { url, received } = await server({ server: { onConnect: () => {} } })
    const started = performance.now()
    await expect(mailer(url).send(message, within(200))).rejects.toThrow()
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(received).toEqual([])
  })

  test.each([
    [550, true],
    [554, true],
    [421, false],
    [451, false],
  ])('a recipient answered with %i is final: %s', async (code, isFinal) => {
    const { url } = await server({ refuse: { [message.to]: code } })
    const error: unknown = await mailer(url)
      .send(message, within())
      .catch((failure: unknown) => failure)
    expect(error instanceof FinalFailure).toBe(isFinal)
    expect((error as Error).message).not.toContain(message.to)
  })

  test('a sender or a log-in that the server refuses is the operator’s to mend, so it is not final', async () => {
    const refusing = await server({
      server: {
        onMailFrom: (_address, _session, done) =>
          done(Object.assign(new Error('not from here'), { responseCode: 553 })),
      },
    })
    const sender = mailer(refusing.url).send(message, within())
    await expect(sender).rejects.toMatchObject({ code: 'EENVELOPE_553' })
    await expect(sender).rejects.not.toBeInstanceOf(FinalFailure)
    const locked = await server({
      server: {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) =>
          done(Object.assign(new Error('who?'), { responseCode: 535 })),
      },
    })
    const url = locked.url.replace('//', '//user:guess@')
    const login = mailer(url).send(message, within())
    await expect(login).rejects.toMatchObject({ code: 'EAUTH_535' })
    await expect(login).rejects.not.toBeInstanceOf(FinalFailure)
  })
})

describe('to a folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'tradewind-mails-')), 'mail')
  })
  afterEach(async () => {
    await rm(join(folder, '..'), { recursive: true, force: true })
  })

  const idOf = (index: number) => `id-${String(index).padStart(4, '0')}`

  test('a message is a file that its owner alone may read, and a repeat takes its place', async () => {
    const mailer = new FolderMailer({ folder, from: FROM })
    expect(await readMails(folder)).toEqual([])
    await mailer.send(message)
    await mailer.send(message)
    expect(await readdir(folder)).toEqual(['id-1.json'])
    expect((await stat(join(folder, 'id-1.json'))).mode & 0o777).toBe(0o600)
    expect(await readMails(folder)).toMatchObject([{ ...message, from: FROM }])
  })

  test('the newest are kept, and listed first', async () => {
    const mailer = new FolderMailer({ folder, from: FROM })
    const count = MAILS_MAX + 3
    for (let index = 0; index < count; index += 1) {
      await mailer.send({ ...message, id: idOf(index) })
    }
    const kept = (await readMails(folder)).map(({ id }) => id)
    expect(kept).toHaveLength(MAILS_MAX)
    expect(kept[0]).toBe(idOf(count - 1))
    expect(kept.at(-1)).toBe(idOf(3))
  })

  test('no name leads out of the folder', async () => {
    const mailer = new FolderMailer({ folder, from: FROM })
    await mailer.send(message)
    await expect(mailer.send({ ...message, id: '../out' })).rejects.toThrow()
    for (const id of ['../mail/id-1', 'id-1.json', '', '.', 'id-2']) {
      expect(await readMail(folder, id)).toBeNull()
    }
  })
})
