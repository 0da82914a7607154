/** A real SMTP server that keeps what it is given. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** How long it waits for its clients when it is closed. */
const CLOSE_MS_MAX = 100

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Headers and body, as they came. */
  readonly content: string
  readonly isEncrypted: boolean
}

export interface TestSmtpServer {
  readonly port: number
  /** In clear: the built-in certificate is nobody's. */
  readonly url: string
  readonly received: readonly ReceivedMail[]
  close(): Promise<void>
}

/**
 * @param options.refuse addresses that it answers with a code, such as 550, and words that quote the address.
 */
export async function startSmtpServer(
  options: { port?: number; refuse?: Record<string, number>; server?: SMTPServerOptions } = {},
): Promise<TestSmtpServer> {
  const { port: wanted = 0, refuse = {}, server: settings = {} } = options
  const received: ReceivedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: CLOSE_MS_MAX,
    onRcptTo: ({ address }, _session, done) => {
      const responseCode = refuse[address]
      if (responseCode === undefined) return done()
      done(Object.assign(new Error(`<${address}> is unknown`), { responseCode }))
    },
    onData: (stream, { envelope, secure }, done) => {
      text(stream).then((content) => {
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        const to = envelope.rcptTo.map(({ address }) => address)
        received.push({ from, to, content, isEncrypted: secure })
        done()
      }, done)
    },
    ...settings,
  })
  const listening = server.listen(wanted, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  return {
    port,
    url: `smtp://127.0.0.1:${port}?ignoreTLS=true`,
    received,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
