/** Signs in as the owner that `npm run dev` made for this folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../../shared/client/create-client.ts'
import { KEYS_FOLDER } from './state.ts'

export interface Credentials {
  readonly email: string
  readonly password: string
}

const OWNER_FILE = 'owner.json'

/** @throws {Error} where `npm run dev` never made an owner. */
export function ownerCredentials(folder = KEYS_FOLDER): Credentials {
  const file = join(folder, OWNER_FILE)
  if (!existsSync(file)) {
    throw new Error(`There is no owner in ${folder}: start the system once with \`npm run dev\``)
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Credentials
}

/** An access token of the development system's owner, good for ten minutes. */
export async function developerToken(edgeUrl: string): Promise<string> {
  const client = createClient({ baseUrl: edgeUrl })
  const body = { ...ownerCredentials(), kind: 'staff' as const }
  const signedIn = await client.identity.signIn({ body })
  if (signedIn.status === 'signed_in') return signedIn.accessToken
  throw new Error('The owner has a second factor: put a token into TRADEWIND_TOKEN')
}
