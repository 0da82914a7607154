/** Makes an owner of a cell, straight on its database. */
import { createOwner, inviteOwner, type NewOwner } from '../../regional/modules/staff/index.ts'
import { systemClock } from '../../regional/platform/clock.ts'
import { Database, type Tx } from '../../regional/platform/database.ts'
import { reasonOf } from '../../regional/platform/database-errors.ts'
import { createLog } from '../../regional/platform/log.ts'
import { readPassword } from '../../regional/platform/password-format.ts'
import { PasswordHasher } from '../../regional/platform/passwords.ts'
import { Problem } from '../../shared/problems.ts'

const WAIT_MS_MAX = 5_000

export type OwnerRequest = Omit<NewOwner, 'requestId'>

/** What the audit rows name in place of a request. */
const REQUEST_ID = 'npm-run-owner'

/** @throws {Error} that says why, in words for the operator. */
export async function inviteOwnerAt(
  url: string,
  request: OwnerRequest,
): Promise<{ token: string; expiresAt: string }> {
  return await inDatabase(url, request.cell, (tx) =>
    inviteOwner(tx, { ...request, requestId: REQUEST_ID }),
  )
}

/** @throws {Error} that says why, in words for the operator; never with the password. */
export async function createOwnerAt(
  url: string,
  request: OwnerRequest & { password: string },
): Promise<{ accountId: string }> {
  const { password, ...owner } = request
  const read = readPassword(password)
  if ('fault' in read) throw new Error(`The password ${read.fault}.`)
  const hasher = new PasswordHasher({ clock: systemClock, threads: 1, waitMsMax: WAIT_MS_MAX })
  try {
    const passwordHash = await hasher.hash(password)
    return await inDatabase(url, owner.cell, (tx) =>
      createOwner(tx, { ...owner, passwordHash, requestId: REQUEST_ID }),
    )
  } finally {
    await hasher.close()
  }
}

async function inDatabase<T>(url: string, cell: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const limits = { poolMax: 2, waitingMax: 1, waitMsMax: WAIT_MS_MAX }
  const db = new Database({ url, ...limits }, createLog({ level: 'silent', cell }))
  try {
    return (await db.inTransaction(work)).value
  } catch (error) {
    throw new Error(refusalOf(error), { cause: error })
  } finally {
    await db.close()
  }
}

function refusalOf(error: unknown): string {
  if (error instanceof Problem) return `${error.message}.`
  const { code, error: name } = reasonOf(error)
  const what = 'check DATABASE_URL, and that the database was migrated'
  return `The owner cannot be made (${code ?? name}): ${what}.`
}
