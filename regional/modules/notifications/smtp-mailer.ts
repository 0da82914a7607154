/** E-mail by SMTP. */
import { createTransport } from 'nodemailer'
import { FinalFailure } from '../../platform/implement.ts'
import type { Mailer, MailMessage } from '../../platform/mailer.ts'

const CONNECTIONS_MAX = 5
const CONNECT_MS_MAX = 10_000
const GREETING_MS_MAX = 10_000
/** Of a server that says nothing. */
const SILENCE_MS_MAX = 30_000
/** A connection that is closed under a message is tried once more at once; what fails then is the queue's to repeat. */
const REQUEUES_MAX = 1

export class SmtpMailer implements Mailer {
  readonly #transport: ReturnType<typeof pooledTransport>
  readonly #from: string
  /** Of the sender: message ids are unique in it (RFC 5322 §3.6.4). */
  readonly #domain: string

  /** @param options.needsTls refuses to speak in clear, unless the URL has `ignoreTLS=true`. */
  constructor({ url, from, needsTls }: { url: string; from: string; needsTls: boolean }) {
    this.#transport = pooledTransport(url, needsTls)
    this.#from = from
    this.#domain = from.slice(from.lastIndexOf('@') + 1).replace('>', '')
  }

  async send(message: MailMessage, signal: AbortSignal): Promise<void> {
    const { id, to, subject, text, html } = message
    try {
      await this.#transport.sendMail({
        messageId: `<${id}@${this.#domain}>`,
        from: this.#from,
        // As an object it is one address, whatever characters it has.
        to: { name: '', address: to },
        subject,
        text,
        ...(html === undefined ? {} : { html }),
        // RFC 3834 §5: nobody's vacation answers it.
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal,
      })
    } catch (error) {
      throw failureOf(error)
    }
  }

  close(): void {
    this.#transport.close()
  }
}

function pooledTransport(url: string, needsTls: boolean) {
  const isInClear = new URL(url).searchParams.get('ignoreTLS') === 'true'
  return createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    maxRequeues: REQUEUES_MAX,
    connectionTimeout: CONNECT_MS_MAX,
    greetingTimeout: GREETING_MS_MAX,
    socketTimeout: SILENCE_MS_MAX,
    dnsTimeout: CONNECT_MS_MAX,
    requireTLS: needsTls && !isInClear,
  })
}

interface SmtpError extends Error {
  code?: string
  /** What the server was answering. */
  command?: string
  responseCode?: number
}

/**
 * A permanent reply (5xx, RFC 5321 §4.2.1) to the recipient or to the message is final. To anything else, such as our
 * log-in or our sender's address, it is the operator's to mend, and the message waits. What the server says can quote
 * the address, so only its code goes further.
 */
function failureOf(error: unknown): Error {
  const { code = 'ESMTP', command, responseCode } = error as SmtpError
  const named = responseCode === undefined ? code : `${code}_${responseCode}`
  const isAboutIt = command === 'RCPT TO' || command === 'DATA'
  const isFinal = responseCode === undefined ? isUnsayable(error) : responseCode >= 500
  if (isAboutIt ? isFinal : isUnsayable(error)) return new FinalFailure(named, { cause: error })
  return Object.assign(new Error('the mail server did not take a message', { cause: error }), {
    code: named,
  })
}

/** An address that nodemailer itself will not say to a server. */
function isUnsayable(error: unknown): boolean {
  const { code, command } = error as SmtpError
  return code === 'EENVELOPE' && command === 'API'
}
