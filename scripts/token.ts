/** `npm run token`: an access token for development, until accounts can sign in. It refuses to exist elsewhere. */
import { parseArgs } from 'node:util'
import { importJWK, SignJWT } from 'jose'
import {
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_SECONDS_MAX,
  ACCESS_TOKEN_TYPE,
  CUSTOMER_GROUP,
  issuerOf,
  SCOPES,
} from '../shared/principal.ts'
import { readKeys } from './support/dev-keys.ts'
import { KEYS_FOLDER } from './support/state.ts'

const HELP = `Usage: npm run token -- --role staff|customer [--scopes a,b] [--group NAME] [--sub ID]

Prints an access token of the development system, good for ${ACCESS_TOKEN_SECONDS_MAX / 60} minutes.

  --role    staff or customer
  --scopes  what staff may do; everything when left out:
            ${SCOPES.join(', ')}
  --group   the customer group whose prices a customer sees; everybody's when left out
  --sub     whose token it is`

export interface IssueToken {
  role: 'staff' | 'customer'
  /** Every scope when left out. */
  scopes?: readonly string[] | undefined
  /** A customer's group: staff see everybody's prices. */
  group?: string | undefined
  sub?: string | undefined
  cell?: string | undefined
  keysFolder?: string | undefined
}

/** @throws {Error} outside development, where \`npm run dev\` never made keys, and for what is no group. */
export async function issueToken(options: IssueToken): Promise<string> {
  const environment = process.env.NODE_ENV
  if (environment !== undefined && environment !== 'development') {
    throw new Error(`Tokens are issued in development only, and NODE_ENV is '${environment}'`)
  }
  const { role, scopes = SCOPES, group, cell = 'eu', keysFolder = KEYS_FOLDER } = options
  if (group !== undefined && (role !== 'customer' || !CUSTOMER_GROUP.test(group))) {
    throw new Error(`A customer's group is named like 'wholesale', and '${group}' is not`)
  }
  const { tokenKey } = readKeys(keysFolder)
  const sub = options.sub ?? (role === 'staff' ? 'stf_dev' : 'cus_dev')
  const claims = role === 'staff' ? { role, scope: scopes.join(' ') } : { role, group }
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: tokenKey.kid!, typ: ACCESS_TOKEN_TYPE })
    .setIssuer(issuerOf(cell))
    .setAudience(ACCESS_TOKEN_AUDIENCE)
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(`${ACCESS_TOKEN_SECONDS_MAX}s`)
    .sign(await importJWK(tokenKey, 'EdDSA'))
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      role: { type: 'string' },
      scopes: { type: 'string' },
      group: { type: 'string' },
      sub: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const { role, group, sub } = values
  const scopes = values.scopes?.split(',').map((scope) => scope.trim())
  const unknown = scopes?.find((scope) => !(SCOPES as readonly string[]).includes(scope))
  if (unknown !== undefined) throw new Error(`There is no scope '${unknown}'\n\n${HELP}`)
  if (role !== 'staff' && role !== 'customer') throw new Error(`Name a role\n\n${HELP}`)
  console.log(await issueToken({ role, scopes, group, sub }))
}

if (import.meta.main) {
  await main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
