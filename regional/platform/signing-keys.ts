/**
 * The keys that sign this cell's access tokens, shared by its processes through the database.
 *
 * A key passes three times, one after the other: published and not yet signing, so that every edge knows it by then;
 * signing; published for as long as a token of it may live. So keys rotate without a moment in which a good token is
 * refused. Private keys are stored encrypted under `TOKEN_KEY_SECRET`, which no other part of the system has.
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { createLocalJWKSet, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { TokenKeys } from '../../shared/auth/token-verifier.ts'
import {
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_SECONDS_MAX,
  ACCESS_TOKEN_TYPE,
  type AccessClaims,
  issuerOf,
  keyTag,
} from '../../shared/principal.ts'
import type { Clock } from './clock.ts'
import type { Database, Runner, Tx } from './database.ts'
import { decrypt, encrypt } from './encrypted.ts'
import { statement, value } from './statement.ts'

/** How long caches on the way may keep the key set, and how long an edge does at most. */
export const KEYS_SHARED_SECONDS = 60
const KEYS_AT_EDGE_SECONDS = 300
/** How long a process of the cell keeps what it read, and so goes on signing with a key that was withdrawn. */
const KEYS_READ_MS = 2_000
/** An unknown `kid` makes a process read the keys again, at most this often. */
const KEYS_COOLDOWN_MS = 1_000
/** A key is published for so long before it signs. */
export const AHEAD_SECONDS = KEYS_AT_EDGE_SECONDS + KEYS_SHARED_SECONDS + 60
/** And for so long after the next one signs: a token's life, and what clocks and caches may add. */
export const BEHIND_SECONDS = ACCESS_TOKEN_SECONDS_MAX + KEYS_READ_MS / 1_000 + 60

const ALGORITHM = 'EdDSA'

interface KeyRow {
  kid: string
  publicJwk: JWK
  sealedPrivate: string
  isSigning: boolean
  signsFrom: string
  verifiesUntil: string | null
}

/** The key that signs is the youngest whose time has come. */
const selectKeys = statement<Record<string, never>, KeyRow>(
  'signing_keys',
  sql`select kid, public_jwk as "publicJwk", sealed_private as "sealedPrivate",
    signs_from as "signsFrom", verifies_until as "verifiesUntil",
    row_number() over (partition by signs_from <= now() order by signs_from desc, kid) = 1
      and signs_from <= now() as "isSigning"
    from signing_key where verifies_until is null or verifies_until > now()
    order by signs_from`,
)

interface Keys {
  readonly published: readonly JWK[]
  readonly verify: TokenKeys
  readonly signing: { readonly kid: string; readonly key: Awaited<ReturnType<typeof importJWK>> }
  readonly readAtMs: number
}

export interface KeySecret {
  readonly cell: string
  /** `TOKEN_KEY_SECRET`: 32 bytes in base64url. */
  readonly secret: string
}

export class SigningKeys {
  readonly #db: Database
  readonly #secret: KeySecret
  readonly #clock: Clock
  #keys: Keys | null = null
  #reading: Promise<Keys> | null = null

  constructor(options: { db: Database; secret: KeySecret; clock: Clock }) {
    this.#db = options.db
    this.#secret = options.secret
    this.#clock = options.clock
  }

  /** The key set, as anybody may read it (RFC 7517 §5). */
  async published(): Promise<{ keys: readonly JWK[] }> {
    return { keys: (await this.#current()).published }
  }

  /** By which this cell's tokens are verified. */
  readonly verify: TokenKeys = async (header) => {
    const keys = await this.#current()
    const isKnown = keys.published.some(({ kid }) => kid === header.kid)
    return await (isKnown ? keys : await this.#current(KEYS_COOLDOWN_MS)).verify(header)
  }

  /** An access token of this cell, good for `ACCESS_TOKEN_SECONDS_MAX` from now. */
  async sign(claims: AccessClaims): Promise<string> {
    const { kid, key } = (await this.#current()).signing
    const nowSeconds = Math.floor(this.#clock.now().getTime() / 1_000)
    return await new SignJWT({
      iss: issuerOf(this.#secret.cell),
      aud: ACCESS_TOKEN_AUDIENCE,
      iat: nowSeconds,
      exp: nowSeconds + ACCESS_TOKEN_SECONDS_MAX,
      ...claims,
    })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: ACCESS_TOKEN_TYPE })
      .sign(key)
  }

  async #current(ageMsMax = KEYS_READ_MS): Promise<Keys> {
    const known = this.#keys
    if (known !== null && performance.now() - known.readAtMs <= ageMsMax) return known
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    // Keys that were good a moment ago are better than none, while the database is away.
    return await this.#reading.catch((error: unknown) => {
      if (known !== null) return known
      throw error
    })
  }

  async #read(): Promise<Keys> {
    const rows = await this.#db.run(selectKeys, {})
    const signing = rows.find((row) => row.isSigning)
    if (signing === undefined) {
      throw new Error('This cell has no key to sign tokens with: run `npm run keys:rotate`')
    }
    const known = this.#keys?.signing
    const isKnown = known?.kid === signing.kid
    const published = rows.map((row) => row.publicJwk)
    this.#keys = {
      published,
      verify: createLocalJWKSet({ keys: published }),
      signing: isKnown
        ? known
        : { kid: signing.kid, key: await importJWK(opened(signing, this.#secret), ALGORITHM) },
      readAtMs: performance.now(),
    }
    return this.#keys
  }
}

export interface NewKey {
  kid: string
  publicJwk: JWK
  sealedPrivate: string
}

/** A new pair, its private half sealed. */
export async function newSigningKey(secret: KeySecret): Promise<NewKey> {
  const pair = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true })
  const kid = `${secret.cell}-${randomBytes(6).toString('hex')}`
  const publicJwk = { ...(await exportJWK(pair.publicKey)), kid, alg: ALGORITHM, use: 'sig' }
  return { kid, publicJwk, sealedPrivate: sealed(await exportJWK(pair.privateKey), kid, secret) }
}

type InsertKey = { kid: string; publicJwk: string; sealedPrivate: string; aheadSeconds: number }

const insertFirst = statement<InsertKey & Record<string, unknown>, unknown>(
  'signing_key_first',
  sql`insert into signing_key (kid, public_jwk, sealed_private, signs_from)
    select ${value('kid')}, ${value('publicJwk')}::jsonb, ${value('sealedPrivate')},
      now() + make_interval(secs => ${value('aheadSeconds')}::int)
    where not exists (select from signing_key where signs_from <= now())
    on conflict do nothing`,
)

/** The key of a new cell. Two processes that start at once may both make one: then one of them signs, for all. */
export async function ensureSigningKey(db: Runner, secret: KeySecret): Promise<void> {
  const [row] = await db.run(selectKeys, {})
  if (row !== undefined) return
  const key = await newSigningKey(secret)
  await db.run(insertFirst, { ...key, publicJwk: JSON.stringify(key.publicJwk), aheadSeconds: 0 })
}

const insertNext = statement<
  InsertKey & { behindSeconds: number } & Record<string, unknown>,
  unknown
>(
  'signing_key_next',
  sql`with replaced as (
      update signing_key set verifies_until = now()
        + make_interval(secs => ${value('aheadSeconds')}::int + ${value('behindSeconds')}::int)
      where verifies_until is null
    )
    insert into signing_key (kid, public_jwk, sealed_private, signs_from)
    values (${value('kid')}, ${value('publicJwk')}::jsonb, ${value('sealedPrivate')},
      now() + make_interval(secs => ${value('aheadSeconds')}::int))`,
)

const deletePast = statement<Record<string, never>, unknown>(
  'signing_key_prune',
  sql`delete from signing_key where verifies_until < now()`,
)

const deleteKey = statement<{ kid: string }, { kid: string }>(
  'signing_key_withdraw',
  sql`delete from signing_key where kid = ${value('kid')} returning kid`,
)

export interface Rotation {
  /** Begins to sign at once, when a key had to be withdrawn. */
  readonly now: boolean
  /** Keys to be withdrawn: every token they signed ends within the feed's delay. */
  readonly withdraw: readonly string[]
}

/**
 * Adds a key and retires those before it.
 *
 * @returns the new key's id.
 * @throws {Error} when a key that stays was sealed with another secret, or one to be withdrawn is not there.
 */
export async function rotateSigningKey(
  tx: Tx,
  secret: KeySecret,
  rotation: Rotation,
): Promise<string> {
  const key = await newSigningKey(secret)
  await tx.run(deletePast, {})
  for (const kid of rotation.withdraw) {
    const [gone] = await tx.run(deleteKey, { kid })
    if (gone === undefined) throw new Error(`There is no key ${kid}`)
    tx.endTokens(keyTag(kid))
  }
  // With another secret than the cell's it could not open the new key either, and would sign nothing.
  for (const kept of await tx.run(selectKeys, {})) opened(kept, secret)
  const aheadSeconds = rotation.now ? 0 : AHEAD_SECONDS
  const publicJwk = JSON.stringify(key.publicJwk)
  await tx.run(insertNext, { ...key, publicJwk, aheadSeconds, behindSeconds: BEHIND_SECONDS })
  return key.kid
}

/** The keys as an operator looks at them. */
export async function listSigningKeys(db: Runner): Promise<Omit<KeyRow, 'sealedPrivate'>[]> {
  return (await db.run(selectKeys, {})).map(({ sealedPrivate, ...key }) => key)
}

/** Bound to the key's id and cell, so that no row can take another's place. */
export function sealed(jwk: JWK, kid: string, { cell, secret }: KeySecret): string {
  return encrypt(Buffer.from(secret, 'base64url'), `${cell}:${kid}`, JSON.stringify(jwk))
}

function opened({ kid, sealedPrivate }: KeyRow, { cell, secret }: KeySecret): JWK {
  try {
    const text = decrypt(Buffer.from(secret, 'base64url'), `${cell}:${kid}`, sealedPrivate)
    return JSON.parse(text.toString()) as JWK
  } catch (cause) {
    throw new Error(`TOKEN_KEY_SECRET does not open the key ${kid} of cell ${cell}`, { cause })
  }
}
