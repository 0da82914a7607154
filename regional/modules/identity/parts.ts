/** What the verbs of this module work with, made once a cell. */
import { createHmac } from 'node:crypto'
import type { LimitPolicyName } from '../../../shared/limits/policies.ts'
import { Attempts } from '../../platform/attempts.ts'
import type { Services } from '../../platform/implement.ts'
import { FactorSecrets } from './factor-secrets.ts'
import { AccountLibrary } from './library.ts'
import type { AccountKind } from './library-adapter.ts'

export interface IdentityParts {
  readonly services: Services
  readonly libraries: Readonly<Record<AccountKind, AccountLibrary>>
  readonly factors: FactorSecrets
  readonly attempts: Attempts
  /** Derives each refresh token from the one before. */
  readonly refreshKey: Buffer
}

const known = new WeakMap<Services['config'], IdentityParts>()

export function identityParts(services: Services): IdentityParts {
  const { config } = services
  const made = known.get(config)
  // Jobs run on other connections, with the same configuration.
  if (made !== undefined) return { ...made, services }
  const secret = config.AUTH_SECRET
  const library = (kind: AccountKind) => new AccountLibrary({ kind, cell: config.CELL, secret })
  const parts: IdentityParts = {
    services,
    libraries: { customer: library('customer'), staff: library('staff') },
    factors: new FactorSecrets(secret),
    attempts: new Attempts(),
    refreshKey: createHmac('sha256', Buffer.from(secret, 'base64url'))
      .update('refresh tokens')
      .digest(),
  }
  known.set(config, parts)
  return parts
}

/**
 * Counts a try with an account, known or not, before anything is looked up.
 *
 * @param account an address in any case, or an id.
 * @throws {Problem} `limit.exceeded`
 */
export function takeTry(
  { services, attempts }: IdentityParts,
  policy: LimitPolicyName,
  account: string,
): void {
  attempts.take(policy, account.toLowerCase(), services.clock.now().getTime())
}
