/** Signing in: by password, and by a second factor where there is one. */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { SecondFactorNeeded, SignedIn } from '../../../shared/contracts/identity.ts'
import { Problem } from '../../../shared/problems.ts'
import type { DomainEvent, Tx } from '../../platform/database.ts'
import { digestOf } from '../../platform/digest.ts'
import type { Actor, RequestDb } from '../../platform/implement.ts'
import { statement, value } from '../../platform/statement.ts'
import { v7 as uuidv7 } from '../../platform/uuid.ts'
import { mergeCart } from '../carts/index.ts'
import { claimOrders } from '../orders/index.ts'
import { accountByPassword, type ProvenAccount, replacePassword } from './credentials.ts'
import { linkAsked } from './events.ts'
import type { AccountKind } from './library-adapter.ts'
import { type IdentityParts, takeTry } from './parts.ts'
import { passSecondFactor } from './second-factor.ts'
import {
  beginSignedIn,
  type Grant,
  type Holder,
  lockHolder,
  lockProof,
  type Proof,
  signedIn,
} from './signed-in.ts'

/** How long somebody may take to find their device. */
export const CHALLENGE_SECONDS = 300

export interface SignIn {
  email: string
  password: string
  kind: AccountKind
  cart?: { id: string; secret: string } | undefined
}

export interface Caller {
  readonly db: RequestDb
  readonly actor: Actor
  readonly userAgent: string | null
}

/**
 * Signs in by password. An address without an account, a wrong password, a closed account and one whose address is not proved
 * are refused alike, in words, in time and in what is recorded. The last, because whoever signs an address up chooses the
 * password: told that it is right, they would know that the address had no account before. Its owner is mailed the link.
 *
 * @throws {Problem} `credentials.refused`; `limit.exceeded` after too many tries; `cell.overloaded` when too many sign in
 *   at once.
 */
export async function signIn(
  parts: IdentityParts,
  caller: Caller,
  input: SignIn,
): Promise<SignedIn | SecondFactorNeeded> {
  const { db, actor } = caller
  takeTry(parts, 'sign-in', `${input.kind} ${input.email}`)
  const proven = await accountByPassword(parts.services, input)
  if (proven === null || !isProved(proven, input)) {
    const link = proven !== null && mayMail(parts, input) ? verifyLinkTo(input) : null
    await db.inTransaction(async (tx) => {
      recordRefusal(tx, actor, input.kind)
      if (link !== null) tx.publish(link)
    })
    throw new Problem('credentials.refused')
  }
  const proof = await currentProof(parts, db, { input, proven })
  const outcome = await db.inTransaction(async (tx) => {
    const holder = await lockProof(tx, proof)
    if (holder.twoFactorEnabled) return await challengeOf(tx, holder)
    return await grantTo(tx, { parts, caller, input, holder })
  })
  return 'challenge' in outcome ? outcome : await signedIn(parts.services, outcome)
}

function isProved({ emailVerified }: ProvenAccount, { kind }: SignIn): boolean {
  return kind === 'staff' || emailVerified
}

function verifyLinkTo({ email }: SignIn): DomainEvent {
  return linkAsked({ purpose: 'verify', kind: 'customer', email })
}

/** Counted apart from what anybody can ask for: what is left of that would tell that a mail was sent. */
function mayMail(parts: IdentityParts, { email }: SignIn): boolean {
  try {
    takeTry(parts, 'recovery', `unproved ${email}`)
    return true
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
}

async function grantTo(
  tx: Tx,
  given: { parts: IdentityParts; caller: Caller; input: SignIn; holder: Holder },
): Promise<Grant> {
  const { parts, caller, input, holder } = given
  const { actor, userAgent } = caller
  const begun = await beginSignedIn(tx, parts.services, { holder, userAgent })
  recordSignIn(tx, actor, begun)
  if (holder.kind === 'staff') return begun
  // What was ordered as a guest since the address was proved is theirs too.
  await claimOrders(tx, { customerId: holder.id, email: input.email })
  const { cartId } = await mergeCart(tx, { customerId: holder.id, cart: input.cart ?? null })
  return { ...begun, cartId }
}

/**
 * With the hash at today's cost, if the stored one has cost less: in a transaction of its own, because two sign-ins at once
 * hold the password as it is.
 */
async function currentProof(
  { services }: IdentityParts,
  db: RequestDb,
  { input, proven }: { input: SignIn; proven: ProvenAccount },
): Promise<Proof> {
  const { id: accountId, passwordHash: was, rehashed: becomes } = proven
  if (becomes === null) return { accountId, passwordHash: was }
  const change = { accountId, was, becomes }
  if (await db.inTransaction((tx) => replacePassword(tx, change))) {
    return { accountId, passwordHash: becomes }
  }
  // Another sign-in was first to replace it, or the password was changed: which one, only comparing tells.
  const again = await accountByPassword(services, input)
  if (again === null) throw new Problem('credentials.refused')
  return { accountId, passwordHash: again.passwordHash }
}

const insertChallenge = statement<
  { id: string; identifier: string; accountId: string; seconds: number },
  unknown
>(
  'account_challenge',
  sql`insert into verification (id, identifier, value, expires_at)
    values (${value('id')}, ${value('identifier')}, ${value('accountId')},
      now() + make_interval(secs => ${value('seconds')}::int))`,
)

/** A change of the password, like a reset, deletes it. */
async function challengeOf(tx: Tx, { id: accountId }: Holder): Promise<SecondFactorNeeded> {
  const challenge = randomBytes(32).toString('base64url')
  const identifier = identifierOf(challenge)
  const seconds = CHALLENGE_SECONDS
  await tx.run(insertChallenge, { id: uuidv7(), identifier, accountId, seconds })
  return { status: 'second_factor_needed', challenge, expiresInSeconds: seconds }
}

const lockChallenge = statement<{ identifier: string }, { accountId: string }>(
  'account_challenge_lock',
  sql`select value as "accountId" from verification
    where identifier = ${value('identifier')} and expires_at > now() for update`,
)

const deleteChallenge = statement<{ identifier: string }, unknown>(
  'account_challenge_delete',
  sql`delete from verification where identifier = ${value('identifier')}`,
)

/**
 * Completes a sign-in. A wrong code may be followed by a right one; the factor itself counts the wrong ones.
 *
 * @throws {Problem} `credentials.refused`; `limit.exceeded` while the factor is locked.
 */
export async function signInSecondFactor(
  parts: IdentityParts,
  { db, actor, userAgent }: Caller,
  input: { challenge: string; code: string },
): Promise<SignedIn> {
  const { services, factors } = parts
  const identifier = identifierOf(input.challenge)
  // A refusal is counted, so it must commit: it is thrown afterwards.
  const end = await db.inTransaction(async (tx): Promise<Grant | Problem> => {
    const [found] = await tx.run(lockChallenge, { identifier })
    if (found === undefined) return new Problem('credentials.refused')
    const attempt = { accountId: found.accountId, code: input.code, now: services.clock.now() }
    const passed = await passSecondFactor(tx, factors, attempt)
    if (passed.outcome === 'locked') {
      return new Problem('limit.exceeded', { retryAfterSeconds: passed.retryAfterSeconds })
    }
    if (passed.outcome === 'refused') {
      recordRefusal(tx, actor, 'staff')
      return new Problem('credentials.refused')
    }
    await tx.run(deleteChallenge, { identifier })
    const holder = await lockHolder(tx, found.accountId)
    const begun = await beginSignedIn(tx, services, { holder, userAgent })
    recordSignIn(tx, actor, begun)
    return begun
  })
  if (end instanceof Problem) throw end
  return await signedIn(services, end)
}

function recordSignIn(tx: Tx, { requestId }: Actor, { claims }: Grant): void {
  tx.audit({ actor: claims.sub, action: 'session.begun', subject: claims.sid, requestId })
}

/** It names no account: whether there is one is nobody's to know. */
export function recordRefusal(tx: Tx, { requestId }: Actor, kind: AccountKind): void {
  tx.audit({ actor: 'guest', action: 'session.refused', subject: kind, requestId })
}

function identifierOf(challenge: string): string {
  return digestOf(`second-factor:${challenge}`)
}
