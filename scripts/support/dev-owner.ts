/** The owner of a development system: made with it, with a password that is in a file of its folder and nowhere else. */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../shared/problems.ts'
import { kept } from './dev-keys.ts'
import { createOwnerAt } from './first-owner.ts'
import { type Credentials, OWNER_FILE, ownerCredentials } from './sign-in.ts'

const EMAIL = 'owner@tradewind.test'

/**
 * Makes the owner of a cell that has none. A database that was named by the developer may have one already, of whom this
 * folder knows nothing.
 *
 * @returns whether the folder holds an owner's credentials.
 */
export async function ensureDevOwner(
  folder: string,
  { url, cell }: { url: string; cell: string },
): Promise<boolean> {
  const known = ownerCredentials(folder)
  // Kept first: an owner whose password was lost on the way would be in nobody's reach.
  const owner = known ?? keepNewOwner(folder)
  try {
    await createOwnerAt(url, { cell, name: null, another: false, ...owner })
    return true
  } catch (error) {
    const { cause } = error as Error
    if (!(cause instanceof Problem)) throw error
    if (known === null) rmSync(join(folder, OWNER_FILE))
    return known !== null
  }
}

function keepNewOwner(folder: string): Credentials {
  const made: Credentials = { email: EMAIL, password: randomBytes(24).toString('base64url') }
  kept(folder, OWNER_FILE, () => JSON.stringify(made))
  return made
}
