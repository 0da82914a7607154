/** The facts that identity publishes. */
import type { DomainEvent } from '../../platform/database.ts'
import type { AccountKind } from './library-adapter.ts'

export const LINK_ASKED = 'account.link_asked'

/** `exists`: somebody tried to open an account with an address that has one. */
export interface LinkAsked {
  purpose: 'verify' | 'exists' | 'reset'
  kind: AccountKind
  email: string
}

/**
 * A mail to an address was asked for. Whether it has an account, and what is mailed, is found out after the answer, so that the
 * answer takes the same time either way; and the link's secret is made when it is sent.
 */
export function linkAsked(asked: LinkAsked): DomainEvent {
  return { type: LINK_ASKED, subject: asked.purpose, payload: { ...asked }, isHeld: true }
}
