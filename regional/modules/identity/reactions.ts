/** The mails that somebody asked for, made and addressed once the one who asked has their answer. */
import type { Tx } from '../../platform/database.ts'
import type { Reaction } from '../../platform/implement.ts'
import { forgetPayload, heldPayload } from '../../platform/outbox.ts'
import { type EmailRequest, emailRequested } from '../notifications/index.ts'
import { accountByEmail } from './accounts.ts'
import { LINK_ASKED, type LinkAsked } from './events.ts'
import { RESET_SECONDS, VERIFY_SECONDS } from './library.ts'
import { type IdentityParts, identityParts } from './parts.ts'

/** A repeat finds the payload forgotten, in the transaction that asked for the mail. */
export const mailLink: Reaction = {
  name: 'mail-account-link',
  on: LINK_ASKED,
  run: async (services, { id }) => {
    const parts = identityParts(services)
    await services.db.inTransaction(async (tx) => {
      const held = await heldPayload(tx, id)
      if (held === null) return
      const request = await mailFor(tx, parts, held.payload as unknown as LinkAsked)
      if (request !== null) tx.publish(emailRequested(request))
      await forgetPayload(tx, id)
    })
  },
}

export const reactions: readonly Reaction[] = [mailLink]

async function mailFor(
  tx: Tx,
  { libraries }: IdentityParts,
  { purpose, kind, email: asked }: LinkAsked,
): Promise<EmailRequest | null> {
  const account = await accountByEmail(tx, { kind, email: asked })
  if (account?.status !== 'active' || account.email === null) return null
  // The account's own: who asks may have written it in another way.
  const { email, name, locale, emailVerified } = account
  const to = { to: email, locale, audience: kind }
  if (purpose === 'exists' && emailVerified) {
    return { ...to, template: 'account-exists', data: { name } }
  }
  if (purpose === 'verify') {
    if (emailVerified) return null
    const token = await libraries[kind].emailToken(email)
    const data = { name, token, minutes: VERIFY_SECONDS / 60 }
    return { ...to, template: 'verify-email', data }
  }
  // Also for who signs up again with an address that nobody has proved: the first may have been somebody else, whose
  // password must not be the account's once the address is proved.
  const reset = await libraries[kind].resetToken(tx, email)
  if (reset === null) return null
  const data = { name, token: reset.token, minutes: RESET_SECONDS / 60 }
  return { ...to, template: 'reset-password', data }
}
