/** The facts the notifications consume. */
import { z } from 'zod'
import { FinalFailure, type Reaction } from '../../platform/implement.ts'
import { forgetPayload, heldPayload } from '../../platform/outbox.ts'
import { EMAIL_REQUESTED } from './events.ts'
import { renderMessage, type StoredRequest } from './render.ts'
import { type TemplateName, templates } from './templates.ts'

/** All of one attempt, with the wait for a connection. */
const SEND_MS_MAX = 60_000

const Request = z.object({
  to: z.string(),
  template: z.enum(Object.keys(templates) as TemplateName[]),
  locale: z.string().nullable(),
  audience: z.enum(['customer', 'staff']).default('customer'),
  data: z.object({
    name: z.string().nullish(),
    token: z.string().optional(),
    minutes: z.number().optional(),
  }),
})

/**
 * Hands a message to the mailer, and then forgets what it said and to whom. A repeat after that finds nothing to send;
 * one after a crash in between sends it again, under the same `Message-ID`.
 */
export const sendEmail: Reaction = {
  name: 'send-email',
  on: EMAIL_REQUESTED,
  asksVendor: true,
  run: async ({ db, mailer, config, log }, { id }) => {
    const held = await heldPayload(db, id)
    if (held === null) return
    const request = requestIn(held.payload)
    if (hasLapsed(request, held.ageSeconds)) {
      log.warn({ event: id, template: request.template }, 'e-mail not sent: its link has lapsed')
    } else {
      const message = await renderMessage(request, config)
      await mailer.send({ id, ...message }, AbortSignal.timeout(SEND_MS_MAX))
    }
    await forgetPayload(db, id)
  },
}

export const reactions: readonly Reaction[] = [sendEmail]

function requestIn(payload: unknown): StoredRequest {
  const read = Request.safeParse(payload)
  if (read.success) return read.data
  throw new FinalFailure('EMAIL_REQUEST_INVALID', { cause: read.error })
}

function hasLapsed({ data: { minutes } }: StoredRequest, ageSeconds: number): boolean {
  return minutes !== undefined && ageSeconds > minutes * 60
}
