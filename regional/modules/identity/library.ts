/**
 * better-auth in our transactions, for what it does without a session of its own: signing up, verifying an address,
 * and a new password for a forgotten one. It sends nothing, keeps no cookie, and never sees a password.
 *
 * There is one instance a realm. Whatever it mails about is returned, so that the caller can send it once committed.
 */

import { createHmac } from 'node:crypto'
import { APIError, createEmailVerificationToken } from 'better-auth/api'
import { betterAuth } from 'better-auth/minimal'
import { sql } from 'drizzle-orm'
import { jwtVerify } from 'jose'
import { newCellId } from '../../../shared/ids.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import { digestOf } from '../../platform/digest.ts'
import { statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { type AccountKind, adapterOf, keepSeen, within } from './library-adapter.ts'

export const RESET_SECONDS = 3_600
export const VERIFY_SECONDS = 86_400
const ID_KINDS = { customer: 'cus', staff: 'stf' } as const

/** What the library says of a link that does not open anything, or no longer. */
const LINK_REFUSED = new Set(['INVALID_TOKEN', 'TOKEN_EXPIRED', 'USER_NOT_FOUND'])

export interface NewAccount {
  email: string
  name: string | null
  locale: string | null
  /** From the hasher, made before the transaction. */
  passwordHash: string
}

export class AccountLibrary {
  readonly #kind: AccountKind
  readonly #secret: string
  readonly #auth: ReturnType<typeof authOf>

  /** @param options.secret the cell's `AUTH_SECRET`; a link of one realm opens nothing in the other. */
  constructor(options: { kind: AccountKind; cell: string; secret: string }) {
    const { kind, cell, secret } = options
    this.#kind = kind
    this.#secret = createHmac('sha256', Buffer.from(secret, 'base64url'))
      .update(`better-auth ${kind}`)
      .digest('base64url')
    this.#auth = authOf({ kind, cell, secret: this.#secret })
  }

  /**
   * Opens an account, or finds the one that the address has already. The person who signs up may not be told which:
   * that belongs into the mail to the address.
   */
  async signUp(tx: Tx, input: NewAccount): Promise<{ accountId: string; isNew: boolean }> {
    const { email, name, locale, passwordHash } = input
    const body = {
      email,
      name: name ?? '',
      password: passwordHash,
      ...(locale === null ? {} : { locale }),
    }
    const { answer, seen } = await within(tx, () => this.#auth.api.signUpEmail({ body }))
    if (seen !== null) return { accountId: seen.account.id, isNew: false }
    return { accountId: answer.user.id, isNew: true }
  }

  /** The token of a link that proves an address, for a day. It is signed, so no row is kept of it. */
  async emailToken(email: string): Promise<string> {
    return await createEmailVerificationToken(this.#secret, email, undefined, VERIFY_SECONDS)
  }

  /**
   * The address that a link would prove.
   *
   * @throws {Problem} `link.refused`
   */
  async emailIn(token: string, now: Date): Promise<string> {
    const secret = new TextEncoder().encode(this.#secret)
    const rules = { algorithms: ['HS256'], currentDate: now }
    const { payload } = await jwtVerify(token, secret, rules).catch((cause: unknown) => {
      throw new Problem('link.refused', { cause })
    })
    if (typeof payload.email !== 'string') throw new Problem('link.refused')
    return payload.email.toLowerCase()
  }

  /**
   * Marks an address as verified.
   *
   * @returns whose it is, or `null` when it had been verified before.
   * @throws {Problem} `link.refused`
   */
  async verifyEmail(tx: Tx, token: string): Promise<{ accountId: string } | null> {
    const call = () => this.#auth.api.verifyEmail({ query: { token } })
    const { seen } = await within(tx, call).catch(asProblem)
    return seen === null ? null : { accountId: seen.account.id }
  }

  /** A token that sets a new password, for an hour; `null` for an address without an active account. */
  async resetToken(tx: Tx, email: string): Promise<{ accountId: string; token: string } | null> {
    const call = () => this.#auth.api.requestPasswordReset({ body: { email } })
    const { seen } = await within(tx, call)
    if (seen === null || seen.account.status !== 'active') return null
    return { accountId: seen.account.id, token: seen.token! }
  }

  /**
   * Whether a token would set a password now: asked before one is hashed for it.
   *
   * @throws {Problem} `link.refused`
   */
  async assertResetToken(runner: Runner, token: string, now: Date): Promise<void> {
    const identifier = digestOf(`reset-password:${token}`)
    const [row] = await runner.run(selectReset, { identifier, kind: this.#kind, now })
    if (row === undefined) throw new Problem('link.refused')
  }

  /**
   * Sets a new password, once a token. Whoever could read the mail has the address, so it is verified too; sessions are
   * for the caller to end.
   *
   * @throws {Problem} `link.refused`
   */
  async resetPassword(tx: Tx, token: string, passwordHash: string): Promise<{ accountId: string }> {
    const body = { token, newPassword: passwordHash }
    const call = () => this.#auth.api.resetPassword({ body })
    const { seen } = await within(tx, call).catch(asProblem)
    if (seen === null || seen.account.status !== 'active') throw new Problem('link.refused')
    const accountId = seen.account.id
    await tx.run(afterReset, { accountId })
    return { accountId }
  }
}

const selectReset = statement<{ identifier: string; kind: string; now: Date }, unknown>(
  'account_reset_open',
  sql`
  select 1 from verification join account on account.id = verification.value
  where verification.identifier = ${value('identifier')}
    and verification.expires_at > ${value('now')}
    and account.kind = ${value('kind')} and account.status = 'active'`,
)

/** Every other link that was mailed for the account is void with this one. */
const afterReset = statement<{ accountId: string }, unknown>(
  'account_reset_done',
  sql`
  with other as (delete from verification where value = ${value('accountId')})
  update account set email_verified = true, updated_at = now()
  where id = ${value('accountId')} and not email_verified`,
)

function authOf({ kind, cell, secret }: { kind: AccountKind; cell: string; secret: string }) {
  return betterAuth({
    database: adapterOf(kind),
    secrets: [{ version: 1, value: secret }],
    // Never fetched or sent: without one the library would guess.
    baseURL: 'https://cell.invalid',
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    // Its messages hold addresses. What matters is thrown.
    logger: { disabled: true },
    user: {
      additionalFields: {
        kind: { type: 'string', input: false, defaultValue: kind },
        status: { type: 'string', input: false, defaultValue: 'active' },
        locale: { type: 'string', required: false },
      },
    },
    account: { fields: { userId: 'accountId', providerId: 'provider', accountId: 'subject' } },
    verification: {
      storeIdentifier: { hash: async (identifier) => digestOf(identifier) },
      // It would delete whatever has expired with every look-up; a job does.
      disableCleanup: true,
    },
    emailAndPassword: {
      enabled: true,
      autoSignIn: false,
      requireEmailVerification: true,
      resetPasswordTokenExpiresIn: RESET_SECONDS,
      onExistingUserSignUp: keepSeen,
      sendResetPassword: keepSeen,
      onPasswordReset: keepSeen,
      // Ours are checked before they are hashed, and the library is handed the hash.
      minPasswordLength: 1,
      maxPasswordLength: HASH_LENGTH_MAX,
      password: { hash: asHash, verify: neverVerify },
    },
    databaseHooks: {
      // The library insists on a name; nobody's is empty.
      user: {
        create: { before: async (user) => ({ data: { ...user, name: user.name || null! } }) },
      },
    },
    emailVerification: {
      sendOnSignUp: false,
      afterEmailVerification: (user) => keepSeen({ user }),
    },
    advanced: {
      database: {
        generateId: ({ model }) => (model === 'user' ? newCellId(ID_KINDS[kind], cell) : uuidv7()),
      },
    },
  })
}

const HASH_LENGTH_MAX = 256

/** Hashing takes long, and here a connection is held. */
async function asHash(password: string): Promise<string> {
  if (!password.startsWith('$argon2id$')) throw new Error('a password came unhashed')
  return password
}

async function neverVerify(): Promise<boolean> {
  throw new Error('a password was to be verified inside a transaction')
}

function asProblem(error: unknown): never {
  if (!(error instanceof APIError) || !LINK_REFUSED.has(String(error.body?.code))) throw error
  throw new Problem('link.refused', { cause: error })
}
