/** Keys made for one test run, and what is signed with them. */
import { createHash, createHmac, KeyObject, randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { sealed } from '../../regional/platform/signing-keys.ts'
import {
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_TYPE,
  issuerOf,
  SCOPES,
} from '../../shared/principal.ts'
import {
  coveredComponents,
  signatureBase,
  signatureHeaders,
  signatureInput,
} from '../../shared/signing/request-signature.ts'

const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'test-1', alg: 'EdDSA', use: 'sig' }

export const edgeSecret = `edge-1:${randomBytes(32).toString('base64url')}`
export const cartKey = randomBytes(32).toString('base64url')
export const authSecret = randomBytes(32).toString('base64url')
export const tokenKeySecret = randomBytes(32).toString('base64url')

/** The key of `accessToken`, as a cell keeps it. */
export const tokenKey = {
  kid: publicJwk.kid,
  publicJwk,
  sealedPrivate: sealed(await exportJWK(pair.privateKey), publicJwk.kid, {
    cell: 'eu',
    secret: tokenKeySecret,
  }),
}
/** For tokens that `accessToken` would not make. */
export const signingKey = KeyObject.from(pair.privateKey)

/** The session of every token that is made here. */
export const TEST_SESSION = `ses_eu_${'0'.repeat(32)}`

/** An access token of the cell `eu`, for staff with every scope unless told otherwise. */
export async function accessToken(
  options: {
    role?: 'staff' | 'customer'
    sub?: string
    /** As a token writes them: `orders:read@web`. */
    scopes?: readonly string[]
    /** A customer's group. */
    group?: string
    now?: Date
    claims?: Record<string, unknown>
  } = {},
): Promise<string> {
  const { role = 'staff', sub = 'stf_test', scopes = SCOPES, group, now = new Date() } = options
  const seconds = Math.floor(now.getTime() / 1_000)
  const claims = {
    iss: issuerOf('eu'),
    aud: ACCESS_TOKEN_AUDIENCE,
    sub,
    sid: TEST_SESSION,
    // Of no history: whoever verifies it asks the cell whether the session stands.
    position: 'cell=0;h=test',
    role,
    scope: scopes.join(' '),
    group,
    iat: seconds,
    exp: seconds + 600,
    ...options.claims,
  }
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test-1', typ: ACCESS_TOKEN_TYPE })
    .sign(pair.privateKey)
}

/** Signs a request as the edge does, from Node. */
export function signRequest(
  request: { method: string; url: string; headers: Headers; body?: string | undefined },
  options: { now?: Date; secret?: string } = {},
): Headers {
  const { now = new Date(), secret = edgeSecret } = options
  const { method, body } = request
  const headers = new Headers(request.headers)
  if (body !== undefined) {
    headers.set('content-type', headers.get('content-type') ?? 'application/json')
    headers.set('content-digest', `sha-256=:${createHash('sha256').update(body).digest('base64')}:`)
  }
  const url = new URL(request.url)
  const signable = {
    method,
    path: url.pathname,
    query: url.search,
    header: (name: string) => headers.get(name),
  }
  const createdSeconds = Math.floor(now.getTime() / 1_000)
  const [keyId, key] = secret.split(':') as [string, string]
  const input = signatureInput(coveredComponents(signable), {
    createdSeconds,
    expiresSeconds: createdSeconds + 30,
    nonce: randomBytes(16).toString('base64url'),
    keyId,
  })
  const mac = createHmac('sha256', Buffer.from(key, 'base64url'))
  const signature = mac.update(signatureBase(signable, input)).digest('base64')
  for (const [name, value] of Object.entries(signatureHeaders(input, signature))) {
    headers.set(name, value)
  }
  return headers
}
