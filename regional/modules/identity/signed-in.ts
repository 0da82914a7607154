/** What somebody who has proved who they are is given: a session, and tokens of it. */
import { sql } from 'drizzle-orm'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import { formatPosition } from '../../../shared/freshness/position.ts'
import { newCellId } from '../../../shared/ids.ts'
import {
  ACCESS_TOKEN_SECONDS_MAX,
  type AccessClaims,
  formatGrants,
  type Grants,
} from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Services } from '../../platform/implement.ts'
import { beginSession, tokenClock } from '../../platform/sessions.ts'
import { statement, value } from '../../platform/statement.ts'
import { grantsOf } from '../access/index.ts'
import type { AccountKind } from './library-adapter.ts'
import { firstRefreshToken } from './refresh-tokens.ts'

const HOUR = 3_600
const DAY = 24 * HOUR

/**
 * How long a session stands without being used, and at most: a shopper comes back next month, staff next morning, and
 * nobody's password or second factor is proved once for ever.
 */
const SESSION_SECONDS: Readonly<Record<AccountKind, { idle: number; life: number }>> = {
  customer: { idle: 60 * DAY, life: 365 * DAY },
  staff: { idle: 12 * HOUR, life: 7 * DAY },
}

/** What becomes a session's tokens once the transaction has committed. */
export interface Grant {
  readonly claims: AccessClaims
  readonly refreshToken: string
  readonly cartId: string | null
}

export interface Holder {
  id: string
  kind: AccountKind
  group: string | null
  twoFactorEnabled: boolean
}

const columns = sql`account.id, account.kind, account.customer_group as "group",
  account.two_factor_enabled as "twoFactorEnabled"`

const lockActive = statement<{ id: string }, Holder>(
  'account_lock_active',
  sql`select ${columns} from account
    where account.id = ${value('id')} and account.status = 'active' for share`,
)

/** The password too: a change of it waits for this transaction, and then finds what it began. */
const lockProven = statement<{ id: string; passwordHash: string }, Holder>(
  'account_lock_proven',
  sql`select ${columns}
    from account join credential on credential.account_id = account.id
      and credential.provider = 'credential'
    where account.id = ${value('id')} and account.status = 'active'
      and credential.password = ${value('passwordHash')}
    for share of account, credential`,
)

export interface Proof {
  readonly accountId: string
  /** What the password was compared with before the transaction. */
  readonly passwordHash: string
}

/**
 * Keeps an account as it is until the transaction ends.
 *
 * @throws {Problem} `credentials.refused` when it was closed, or its password changed, since it was proved.
 */
export async function lockProof(tx: Tx, { accountId: id, passwordHash }: Proof): Promise<Holder> {
  const [holder] = await tx.run(lockProven, { id, passwordHash })
  if (holder === undefined) throw new Problem('credentials.refused')
  return holder
}

/** @throws {Problem} `credentials.refused` when the account was closed. */
export async function lockHolder(tx: Tx, id: string): Promise<Holder> {
  const [holder] = await tx.run(lockActive, { id })
  if (holder === undefined) throw new Problem('credentials.refused')
  return holder
}

/** Begins a session of an account that the caller has locked. */
export async function beginSignedIn(
  tx: Tx,
  services: Services,
  { holder, userAgent }: { holder: Holder; userAgent: string | null },
): Promise<Grant> {
  const id = newCellId('ses', services.config.CELL)
  const { idle: idleSeconds, life: lifeSeconds } = SESSION_SECONDS[holder.kind]
  await beginSession(tx, { id, accountId: holder.id, userAgent, idleSeconds, lifeSeconds })
  const refreshToken = await firstRefreshToken(tx, id)
  return { claims: await claimsOf(tx, services, holder, id), refreshToken, cartId: null }
}

/**
 * The claims of a session that stands, as of now.
 *
 * @throws {Problem} `refresh.refused` when the account was closed.
 */
export async function claimsOfSession(
  tx: Tx,
  services: Services,
  session: { id: string; accountId: string },
): Promise<AccessClaims> {
  const [holder] = await tx.run(lockActive, { id: session.accountId })
  if (holder === undefined) throw new Problem('refresh.refused')
  return await claimsOf(tx, services, holder, session.id)
}

/** The account is locked and stays as it is; whatever else the token says is read after the clock: see `tokenClock`. */
async function claimsOf(
  tx: Tx,
  services: Services,
  holder: Holder,
  session: string,
): Promise<AccessClaims> {
  const position = formatPosition('cell', await tokenClock(tx))
  const known = { sub: holder.id, sid: session, position }
  if (holder.kind === 'customer') {
    return { ...known, role: 'customer', ...(holder.group !== null && { group: holder.group }) }
  }
  const scope = formatGrants(await grantsHeld(tx, services, holder))
  return { ...known, role: 'staff', scope }
}

/** Where a second factor is asked of staff, who has none may sign in to set one up, and nothing else. */
export async function grantsHeld(
  runner: Runner,
  { config }: Services,
  holder: Pick<Holder, 'id' | 'twoFactorEnabled'>,
): Promise<Grants> {
  if (config.STAFF_SECOND_FACTOR === 'required' && !holder.twoFactorEnabled) return new Map()
  return await grantsOf(runner, { accountId: holder.id, cell: config.CELL })
}

/** Signs, once the transaction has committed: reading the keys may need a connection of its own. */
export async function signedIn({ keys }: Services, grant: Grant): Promise<SignedIn> {
  const { claims, refreshToken, cartId } = grant
  return {
    status: 'signed_in',
    accessToken: await keys.sign(claims),
    expiresInSeconds: ACCESS_TOKEN_SECONDS_MAX,
    refreshToken,
    sessionId: claims.sid,
    accountId: claims.sub,
    cartId,
  }
}
