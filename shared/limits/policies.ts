/**
 * What may be tried, and how often: by address, whoever it tries, and by account, whoever tries it. A contract names its
 * policy. The edge asks both buckets of a policy; the cell asks the account's again, for all of its edges.
 *
 * An address is shared by a household, an office, or a mobile network's many subscribers, so its rate is generous and
 * refills within a minute. An account's rate is what bounds guessing: at ten in five minutes, a million common passwords
 * last for most of a year.
 */

export interface LimitRule {
  /** So many at once, and so many again in each window, a token at a time. */
  readonly quota: number
  readonly windowSeconds: number
}

export interface LimitPolicy {
  readonly address: LimitRule
  readonly account: LimitRule
  /** True where a password may be hashed, of which a cell can do few at once: see `edge/limits/turns.ts`. */
  readonly hashes: boolean
}

export const LIMIT_POLICIES = {
  /** A password is compared: the most expensive thing that a stranger can ask for. */
  'sign-in': {
    address: { quota: 30, windowSeconds: 60 },
    account: { quota: 10, windowSeconds: 300 },
    hashes: true,
  },
  /** An e-mail is sent to somebody who may not have asked: sign-up, a lost password, another try to verify. */
  recovery: {
    address: { quota: 10, windowSeconds: 60 },
    account: { quota: 3, windowSeconds: 600 },
    hashes: true,
  },
  /** A refresh costs little and every open page does it; a session needs one in ten minutes, and a retry or two. */
  token: {
    address: { quota: 120, windowSeconds: 60 },
    account: { quota: 20, windowSeconds: 60 },
    hashes: false,
  },
  /** Six digits are few: at five in five minutes, with three codes good at a time, half a chance takes five months. */
  'two-factor': {
    address: { quota: 30, windowSeconds: 60 },
    account: { quota: 5, windowSeconds: 300 },
    hashes: false,
  },
} as const satisfies Record<string, LimitPolicy>

export type LimitPolicyName = keyof typeof LIMIT_POLICIES
