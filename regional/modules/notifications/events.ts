/** The facts by which other modules ask for e-mail, each in the transaction that gives the reason for it. */
import type { DomainEvent } from '../../platform/database.ts'
import type { Audience, TemplateData, TemplateName } from './templates.ts'

export const EMAIL_REQUESTED = 'notification.email_requested'

/** One message to one address, in words of one template. */
export type EmailRequest = {
  [T in TemplateName]: {
    to: string
    template: T
    /** A BCP 47 tag, as far as one is known; English where there are no words in that language. */
    locale: string | null
    data: TemplateData[T]
    /** Whose site the link leads to, where the template serves both: customers', unless said otherwise. */
    audience?: Audience
  }
}[TemplateName]

/**
 * E-mail was asked for, to be published with `tx.publish(…)`. It is sent after the commit, at least once; a link that
 * has lapsed by then is not sent. The payload is held in the outbox, and forgotten when the message was handed over.
 */
export function emailRequested(request: EmailRequest): DomainEvent {
  return {
    type: EMAIL_REQUESTED,
    subject: request.template,
    payload: { ...request },
    isHeld: true,
  }
}
