/** Signs in at an edge: as anybody by a password, or as the owner that `npm run dev` made for this folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../../shared/client/create-client.ts'
import { ProblemError } from '../../shared/client/errors.ts'
import type { SignedIn } from '../../shared/contracts/identity.ts'
import { KEYS_FOLDER } from './state.ts'

export interface Credentials {
  readonly email: string
  readonly password: string
}

export const OWNER_FILE = 'owner.json'

/** `null` where `npm run dev` never made an owner. */
export function ownerCredentials(folder = KEYS_FOLDER): Credentials | null {
  const file = join(folder, OWNER_FILE)
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return text === '' ? null : (JSON.parse(text) as Credentials)
}

/**
 * @param claim.code completes the sign-in of who has a second factor.
 * @throws {Error} that says why, in words for whoever typed the command; never with the password.
 */
export async function signInAt(
  edgeUrl: string,
  claim: Credentials & { kind: 'customer' | 'staff'; code?: string | undefined },
): Promise<SignedIn> {
  const { code, ...body } = claim
  const { identity } = createClient({ baseUrl: edgeUrl })
  try {
    const answer = await identity.signIn({ body })
    if (answer.status === 'signed_in') return answer
    if (code === undefined) throw new Error(`${claim.email} has a second factor: add --code CODE`)
    return await identity.signInSecondFactor({ body: { challenge: answer.challenge, code } })
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    throw new Error(`${claim.email} cannot sign in: ${error.message}`, { cause: error })
  }
}

/**
 * Signs in as the owner of this folder's development system.
 *
 * @throws {Error} that says what to do when there is none, or when the database has another.
 */
export async function signInAsOwner(edgeUrl: string, code?: string): Promise<SignedIn> {
  const owner = ownerCredentials()
  if (owner === null) {
    throw new Error(
      'This folder knows no owner: start the system with `npm run dev`, or make one with `npm run owner`',
    )
  }
  return await signInAt(edgeUrl, { ...owner, kind: 'staff', code })
}

/** An access token of that owner, good for ten minutes. */
export async function developerToken(edgeUrl: string): Promise<string> {
  return (await signInAsOwner(edgeUrl)).accessToken
}
