/**
 * The second factor of an account: set up, confirmed by its first code, asked for at every sign-in, and removed.
 *
 * A refusal is counted, so it is returned and not thrown: the transaction that counted it has to commit.
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { Problem } from '../../../shared/problems.ts'
import type { Tx } from '../../platform/database.ts'
import { statement, value } from '../../platform/statement.ts'
import type { FactorSecrets } from './factor-secrets.ts'
import { keyUri, matchingStep } from './totp.ts'

/** RFC 4226 §4: 160 bits. */
const SECRET_BYTES = 20
/** Wrong codes in a row until the account waits (NIST SP 800-63B §3.2.2 allows a hundred). */
export const FAILED_MAX = 10
export const LOCK_SECONDS = 900

export interface NewFactor {
  /** For a QR code; it holds the secret, and is shown once. */
  uri: string
  /** Shown once. */
  backupCodes: string[]
}

export type FactorOutcome =
  | { outcome: 'passed'; by: 'code' | 'backup_code' }
  | { outcome: 'refused' }
  | { outcome: 'locked'; retryAfterSeconds: number }

interface Owner {
  accountId: string
  email: string
}

interface Attempt {
  accountId: string
  code: string
  now: Date
}

/** Set up again as long as it is not confirmed: the device may have been lost between. */
const upsert = statement<
  { accountId: string; secret: string; backupCodes: string[] },
  { accountId: string }
>(
  'two_factor_set_up',
  sql`
  insert into two_factor (account_id, secret, backup_codes)
  values (${value('accountId')}, ${value('secret')}, ${value('backupCodes')}::text[])
  on conflict (account_id) do update
    set secret = excluded.secret, backup_codes = excluded.backup_codes
    where two_factor.confirmed_at is null
  returning account_id as "accountId"`,
)

/**
 * Sets up a second factor, which is asked for once `confirmSecondFactor` has seen a code of it.
 *
 * @throws {Problem} `factor.present` when there is one already.
 */
export async function setUpSecondFactor(
  tx: Tx,
  secrets: FactorSecrets,
  owner: Owner & { issuer: string },
): Promise<NewFactor> {
  const { accountId, email, issuer } = owner
  const secret = randomBytes(SECRET_BYTES)
  const backupCodes = secrets.newBackupCodes()
  const written = await tx.run(upsert, {
    accountId,
    secret: secrets.seal(accountId, secret),
    backupCodes: backupCodes.map((code) => secrets.hashOf(accountId, code)),
  })
  if (written.length === 0) throw new Problem('factor.present')
  return { uri: keyUri(secret, { issuer, account: email }), backupCodes }
}

interface StoredFactor {
  secret: string
  backupCodes: string[]
  isConfirmed: boolean
  lastStep: number
  failedCount: number
  /** How long it has yet to wait; null, or not above zero, when it need not. */
  lockedSeconds: number | null
}

const lock = statement<{ accountId: string; now: Date }, StoredFactor>(
  'two_factor_lock',
  sql`
  select secret, backup_codes as "backupCodes", confirmed_at is not null as "isConfirmed",
    last_step as "lastStep", failed_count as "failedCount",
    ceil(extract(epoch from locked_until - ${value('now')}::timestamptz))::int as "lockedSeconds"
  from two_factor where account_id = ${value('accountId')} for update`,
)

const confirm = statement<{ accountId: string; step: number }, unknown>(
  'two_factor_confirm',
  sql`
  with factor as (
    update two_factor set confirmed_at = now(), last_step = ${value('step')}
    where account_id = ${value('accountId')}
    returning account_id
  )
  update account set two_factor_enabled = true, updated_at = now()
  from factor where account.id = factor.account_id`,
)

/**
 * Turns the second factor on, with the first code of the device.
 *
 * @returns false, with nothing done, for a wrong code, or once it is on.
 * @throws {Problem} `factor.absent` when none is set up.
 */
export async function confirmSecondFactor(
  tx: Tx,
  secrets: FactorSecrets,
  { accountId, code, now }: Attempt,
): Promise<boolean> {
  const [factor] = await tx.run(lock, { accountId, now })
  if (factor === undefined) throw new Problem('factor.absent')
  if (factor.isConfirmed) return false
  const secret = secrets.open(accountId, factor.secret)
  const step = matchingStep(secret, code, { now, lastStep: factor.lastStep })
  if (step === null) return false
  await tx.run(confirm, { accountId, step })
  return true
}

interface Changed extends Record<string, unknown> {
  accountId: string
  lastStep: number
  backupCodes: string[]
  failedCount: number
  lockedUntil: Date | null
}

const change = statement<Changed, unknown>(
  'two_factor_change',
  sql`
  update two_factor set last_step = ${value('lastStep')},
    backup_codes = ${value('backupCodes')}::text[],
    failed_count = ${value('failedCount')}, locked_until = ${value('lockedUntil')}::timestamptz
  where account_id = ${value('accountId')}`,
)

/** Takes a code of the device, or one of the backup codes, which are used up by it. */
export async function passSecondFactor(
  tx: Tx,
  secrets: FactorSecrets,
  { accountId, code, now }: Attempt,
): Promise<FactorOutcome> {
  const [factor] = await tx.run(lock, { accountId, now })
  if (factor === undefined || !factor.isConfirmed) return { outcome: 'refused' }
  const { lastStep, backupCodes, lockedSeconds } = factor
  if (lockedSeconds !== null && lockedSeconds > 0) {
    return { outcome: 'locked', retryAfterSeconds: lockedSeconds }
  }
  const kept = { accountId, lastStep, backupCodes, failedCount: 0, lockedUntil: null }
  const step = matchingStep(secrets.open(accountId, factor.secret), code, { now, lastStep })
  if (step !== null) {
    await tx.run(change, { ...kept, lastStep: step })
    return { outcome: 'passed', by: 'code' }
  }
  const hash = secrets.hashOf(accountId, code)
  if (backupCodes.includes(hash)) {
    await tx.run(change, { ...kept, backupCodes: backupCodes.filter((each) => each !== hash) })
    return { outcome: 'passed', by: 'backup_code' }
  }
  await tx.run(change, { ...kept, ...failedAgain(factor, now) })
  return { outcome: 'refused' }
}

/** The last of too many begins a wait, after which they are counted from the start. */
function failedAgain({ failedCount }: StoredFactor, now: Date) {
  const failed = failedCount + 1
  if (failed < FAILED_MAX) return { failedCount: failed, lockedUntil: null }
  return { failedCount: 0, lockedUntil: new Date(now.getTime() + LOCK_SECONDS * 1_000) }
}

const replaceBackupCodes = statement<
  { accountId: string; backupCodes: string[] },
  { accountId: string }
>(
  'two_factor_backup_codes',
  sql`
  update two_factor set backup_codes = ${value('backupCodes')}::text[]
  where account_id = ${value('accountId')} and confirmed_at is not null
  returning account_id as "accountId"`,
)

/**
 * New backup codes in place of what is left of the old.
 *
 * @throws {Problem} `factor.absent`
 */
export async function renewBackupCodes(
  tx: Tx,
  secrets: FactorSecrets,
  accountId: string,
): Promise<string[]> {
  const codes = secrets.newBackupCodes()
  const backupCodes = codes.map((code) => secrets.hashOf(accountId, code))
  const written = await tx.run(replaceBackupCodes, { accountId, backupCodes })
  if (written.length === 0) throw new Problem('factor.absent')
  return codes
}

const remove = statement<{ accountId: string }, unknown>(
  'two_factor_remove',
  sql`
  with gone as (
    delete from two_factor where account_id = ${value('accountId')} returning account_id
  )
  update account set two_factor_enabled = false, updated_at = now()
  from gone where account.id = gone.account_id`,
)

export async function removeSecondFactor(tx: Tx, accountId: string): Promise<void> {
  await tx.run(remove, { accountId })
}
