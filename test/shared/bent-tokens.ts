/**
 * Every way of bending a JWS that we know of, each made of a token that is good but for it: most carry a good signature,
 * so that nothing but the bend can be what refuses them.
 *
 * Our rule is narrower than the RFCs': an issuer of ours writes exactly one form, so `typ` is `at+jwt` in just these letters
 * (RFC 9068 §2.1 would allow `application/at+jwt`, in any case), `aud` is a text (RFC 7519 §4.1.3 would allow a list), and a
 * time is a whole number (§2 would allow a fraction).
 */
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { bentClaims } from './bent-claims.ts'
import { type Forge, segment, signature, withSpareBits } from './token-forge.ts'

export interface BentToken {
  readonly name: string
  /** What stands after `Bearer `; each character a byte. */
  readonly token: string
}

/** In one order, with names of their own. */
export function bentTokens(forge: Forge): BentToken[] {
  return [
    ...named('alg', otherAlgorithms(forge)),
    ...named('key', otherKeys(forge)),
    ...named('kid', kids(forge)),
    ...named('header', headers(forge)),
    ...named('typ', types(forge)),
    ...named('form', forms(forge)),
    ...named('base64url', encodings(forge)),
    ...named('signature', signatures(forge)),
    ...named('json', texts(forge)),
    ...named('claim', bentClaims(forge)),
  ]
}

type Bent = Record<string, string>

function named(kind: string, tokens: Bent): BentToken[] {
  return Object.entries(tokens).map(([name, token]) => ({ name: `${kind}: ${name}`, token }))
}

/** One token a value, under the value's JSON. */
function each(values: readonly unknown[], token: (value: unknown) => string): Bent {
  return Object.fromEntries(
    values.map((value) => [(JSON.stringify(value) ?? 'missing').slice(0, 60), token(value)]),
  )
}

/** RFC 8725 §2.1: an algorithm that the token chose. */
function otherAlgorithms({ header, claims, key, publicJwk, signed, forged }: Forge): Bent {
  const unsigned = () => Buffer.alloc(0)
  const nothing = ['none', 'None', 'nOnE', 'NONE', ' none', '', null, undefined]
  const publicKey = publicOf(key)
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const raw = Buffer.from((publicJwk.x ?? '') + (publicJwk.y ?? ''), 'base64url')
  const secrets = { der, pem, 'pem without its end': pem.trimEnd(), raw, x: publicJwk.x! }
  const all = { ...secrets, jwk: JSON.stringify(publicJwk), empty: '' }
  const hmacs = Object.entries(all).flatMap(([name, secret]) =>
    [256, 384, 512].map((bits) => {
      const mac = (input: string) => createHmac(`sha${bits}`, secret).update(input).digest()
      return [
        `HS${bits} with ${name}`,
        forged({ ...header, alg: `HS${bits}` }, claims, mac),
      ] as const
    }),
  )
  const others = [
    'RS256',
    'PS256',
    'ES384',
    'ES512',
    'ES256K',
    'Ed448',
    'Ed25519',
    'ECDH-ES',
    'dir',
  ]
  const odd = ['EdDSA', 'ES256'].filter((alg) => alg !== header.alg)
  const values = [
    ...others,
    ...odd,
    'eddsa',
    'es256',
    'EDDSA',
    ['EdDSA'],
    { alg: 'EdDSA' },
    1,
    true,
  ]
  return {
    ...each(nothing, (alg) => forged({ ...header, alg }, claims, unsigned)),
    ...Object.fromEntries(hmacs),
    ...suffixed(
      ', well signed',
      each([...values, ...nothing], (alg) => signed({ ...header, alg }, claims)),
    ),
  }
}

function suffixed(suffix: string, tokens: Bent): Bent {
  return Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name + suffix, token]))
}

/** Keys of other kinds and curves, under the name of ours, each with the algorithm it says or the one that is asked for. */
function otherKeys({ header, claims, publicJwk, forged, signed }: Forge): Bent {
  const pairs: Record<string, KeyObject> = {
    EdDSA: generateKeyPairSync('ed25519').privateKey,
    Ed448: generateKeyPairSync('ed448').privateKey,
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    ES256K: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
    RS256: generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey,
  }
  const bent: Bent = {}
  for (const [alg, key] of Object.entries(pairs)) {
    const sign = (input: string) => signature(input, key)
    const jwk = { ...publicOf(key).export({ format: 'jwk' }), kid: header.kid }
    bent[`${alg} under our kid`] = forged({ ...header, alg }, claims, sign)
    bent[`${alg} said to be ours`] = forged(header, claims, sign)
    bent[`${alg} brought along`] = forged({ ...header, alg, jwk }, claims, sign)
    const { kid, ...nameless } = header
    bent[`${alg} brought along without a kid`] = forged({ ...nameless, alg, jwk }, claims, sign)
  }
  bent['ours brought along'] = signed({ ...header, jwk: publicJwk }, claims)
  return bent
}

/** What a careless look-up would follow, or find in every object. */
function kids({ header, claims, signed }: Forge): Bent {
  const { kid } = header
  const values = [
    ...[undefined, null, '', 0, 1e9, true, [kid], { kid }, [[kid]], `${kid} `, ` ${kid}`],
    ...[`${kid}\u0000`, `${kid}.`, 'unknown', '../../../../dev/null', '/dev/null', 'C:\\key'],
    ...['https://attacker.example/key', 'file:///etc/passwd', "' or '1'='1", '$(id)', '%00'],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length'],
    ...['k'.repeat(65), 'k'.repeat(2_000), 'ключ', '\ud800'],
  ]
  return each(values, (value) => signed({ ...header, kid: value }, claims))
}

/** RFC 7515 §4.1: whatever a header may say beside what ours says. */
function headers({ header, claims, publicJwk, signed, forged, key }: Forge): Bent {
  const url = 'https://attacker.example/jwks.json'
  const certificate = publicOf(key).export({ format: 'der', type: 'spki' }).toString('base64')
  const crits = [
    ['exp'],
    ['alg'],
    ['kid'],
    ['b64'],
    ['unknown'],
    [],
    ['exp', 'exp'],
    'exp',
    {},
    null,
  ]
  const members: Record<string, unknown>[] = [
    ...[{ jku: url }, { x5u: url }, { x5c: [certificate] }, { x5c: [] }, { x5t: 'AAAA' }],
    ...[{ 'x5t#S256': 'AAAA' }, { jwk: publicJwk }, { jwk: null }, { jwks: { keys: [publicJwk] } }],
    ...crits.flatMap((crit) => [{ crit }, { crit, exp: 1 }, { crit, b64: true }]),
    ...[
      { b64: false },
      { b64: true },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
      { enc: 'A128GCM' },
    ],
    ...[
      { cty: 'JWT' },
      { iss: claims.iss },
      { exp: 9e9 },
      { nonce: 'a' },
      { epk: publicJwk },
      { '': 1 },
    ],
  ]
  const bent = Object.fromEntries(
    members.map((more) => [
      JSON.stringify(more).slice(0, 60),
      signed({ ...header, ...more }, claims),
    ]),
  )
  // RFC 7797: the payload as it is, and a signature of just that.
  const unencoded = segment({ ...header, b64: false, crit: ['b64'] })
  const text = JSON.stringify(claims)
  const raw = signature(`${unencoded}.${text}`, key).toString('base64url')
  bent['an unencoded payload, encoded'] = `${unencoded}.${segment(text)}.${raw}`
  bent['an unencoded payload, detached'] = `${unencoded}..${raw}`
  bent['a token in a token'] = signed({ ...header, cty: 'JWT' }, forged(header, claims, zeros))
  return bent
}

function types({ header, claims, signed }: Forge): Bent {
  const values = [
    ...[
      undefined,
      null,
      '',
      1,
      true,
      ['at+jwt'],
      { typ: 'at+jwt' },
      'JWT',
      'jwt',
      'AT+JWT',
      'At+Jwt',
    ],
    ...['application/at+jwt', 'APPLICATION/AT+JWT', 'at+jwt ', ' at+jwt', 'at+jwt;a=b', 'at jwt'],
    ...['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', 'JOSE+JSON', 'at+jwt\u0000', 'at%2Bjwt'],
  ]
  return each(values, (typ) => signed({ ...header, typ }, claims))
}

/** Serialisations and segments (RFC 7515 §7, RFC 7516 §7.1). */
function forms({ good, header, claims }: Forge): Bent {
  const [head, payload, end] = good.split('.') as [string, string, string]
  const general = { payload, signatures: [{ protected: head, signature: end }] }
  const encrypted = { alg: 'dir', enc: 'A128GCM', kid: header.kid, typ: header.typ }
  return {
    flattened: JSON.stringify({ protected: head, payload, signature: end }),
    general: JSON.stringify(general),
    'flattened, encoded': segment({ protected: head, payload, signature: end }),
    detached: `${head}..${end}`,
    'no header': `.${payload}.${end}`,
    'one segment': head,
    'two segments': `${head}.${payload}`,
    'two segments and a dot': `${head}.${payload}.`,
    'four segments': `${good}.${end}`,
    'four segments, one empty': `${good}.`,
    'a leading dot': `.${good}`,
    'five segments': `${segment(encrypted)}..${'A'.repeat(16)}.${payload}.${'A'.repeat(22)}`,
    'five segments of ours': `${head}.${payload}.${end}.${payload}.${end}`,
    'only dots': '..',
    'a thousand dots': '.'.repeat(1_000),
    'claims without a signature': segment(claims),
    'twice itself': good + good,
    'two at once': `${good},${good}`,
    'two in a row': `${good} ${good}`,
    'a parameter': `${good};a=b`,
    quoted: `"${good}"`,
    'after a scheme': `Bearer ${good}`,
  }
}

/** RFC 7515 §2: base64url without padding, line breaks, blanks or other characters, and RFC 4648 §3.5. */
function encodings({ good, header, claims, key }: Forge): Bent {
  const parts = good.split('.')
  const bent: Bent = {}
  const names = ['header', 'payload', 'signature']
  for (const [index, name] of names.entries()) {
    const changed = (change: (part: string) => string) =>
      parts.map((part, at) => (at === index ? change(part) : part)).join('.')
    for (const odd of ['=', '==', '%3D', '+', '/', '~', '!', '\u00e4', '\u0001', 'A', 'AAAA']) {
      bent[`${name} and ${escape(odd)}`] = changed((part) => part + odd)
      bent[`${escape(odd)} and ${name}`] = changed((part) => odd + part)
    }
    for (const blank of [' ', '\t']) {
      bent[`${name} with ${escape(blank)} in it`] = changed(
        (part) => part.slice(0, 9) + blank + part.slice(9),
      )
    }
    // A good signature of segments that were written otherwise.
    if (index === 2) continue
    const resigned = (change: (part: string) => string) => {
      const [head, payload] = [header, claims].map((part, at) =>
        at === index ? change(segment(roomy(part))) : segment(part),
      )
      const input = `${head}.${payload}`
      return `${input}.${signature(input, key).toString('base64url')}`
    }
    bent[`${name} padded`] = resigned((part) => part + '='.repeat((4 - (part.length % 4)) % 4))
    bent[`${name} with spare bits`] = resigned(withSpareBits)
  }
  bent['signature with spare bits'] = parts.with(2, withSpareBits(parts[2]!)).join('.')
  return bent
}

/** With a length that needs padding; what is added would be ignored in itself. */
function roomy(part: object): object {
  for (const jti of ['a', 'aa', 'aaa']) {
    const longer = { ...part, jti }
    if (JSON.stringify(longer).length % 3 !== 0) return longer
  }
  throw new Error('unreachable: one of three lengths needs padding')
}

const zeros = () => Buffer.alloc(64)

function signatures({ good, header, claims, key, forged }: Forge): Bent {
  const [head, payload, end] = good.split('.') as [string, string, string]
  const bytes = Buffer.from(end, 'base64url')
  const of = (made: Buffer) => forged(header, claims, () => made)
  const over = (input: string) => of(signature(input, key))
  const bent: Bent = {
    'all zero': of(zeros()),
    'all one': of(Buffer.alloc(64, 0xff)),
    'r and s of one': of(Buffer.from(`${'00'.repeat(31)}01`.repeat(2), 'hex')),
    // CVE-2022-21449, with the order of the curve in place of nothing.
    'r and s of the order': of(Buffer.from(P256_ORDER.repeat(2), 'hex')),
    'zero in DER': of(Buffer.from('3006020100020100', 'hex')),
    'another encoding': of(
      key.asymmetricKeyType === 'ec'
        ? signBytes('sha256', Buffer.from(`${head}.${payload}`), { key, dsaEncoding: 'der' })
        : Buffer.from(bytes.toString('hex')),
    ),
    doubled: of(Buffer.concat([bytes, bytes])),
    'first half': of(bytes.subarray(0, 32)),
    'second half': of(bytes.subarray(32)),
    'halves the other way round': of(Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])),
    reversed: of(Buffer.from(bytes).reverse()),
    'of the header': over(head),
    'of the payload': over(payload),
    'of both without the dot': over(head + payload),
    'of what is encoded': over(`${JSON.stringify(header)}.${JSON.stringify(claims)}`),
    'of another token': `${head}.${segment({ ...claims, sub: 'stf_root' })}.${end}`,
  }
  for (const length of [0, 1, 62, 63]) bent[`${length} bytes`] = of(bytes.subarray(0, length))
  for (const more of [1, 2, 32, 512]) {
    bent[`${more} bytes more`] = of(Buffer.concat([bytes, Buffer.alloc(more)]))
    bent[`${more} bytes before`] = of(Buffer.concat([Buffer.alloc(more), bytes]))
  }
  for (const bit of [0, 7, 255, 256, 300, 511]) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    bent[`bit ${bit} flipped`] = of(flipped)
  }
  return bent
}

const P256_ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

/** What may stand in a segment beside one JSON object, written once, in UTF-8 (RFC 7515 §4, RFC 8259 §8.1). */
function texts({ header, claims, signed }: Forge): Bent {
  const bent: Bent = {}
  const parts = { header: JSON.stringify(header), payload: JSON.stringify(claims) }
  for (const [name, text] of Object.entries(parts)) {
    const holding = (other: unknown) =>
      name === 'header' ? signed(other, claims) : signed(header, other)
    const twice = name === 'header' ? '"alg":"none"' : '"role":"staff"'
    const ways: Record<string, unknown> = {
      'a byte order mark': `\ufeff${text}`,
      'UTF-16': Buffer.from(text, 'utf16le'),
      'invalid UTF-8': Buffer.concat([
        Buffer.from(text.slice(0, -2)),
        Buffer.from([0xff, 0x22, 0x7d]),
      ]),
      'overlong UTF-8': Buffer.concat([
        Buffer.from('{"a":"'),
        Buffer.from([0xc0, 0xae]),
        Buffer.from(`",${text.slice(1)}`),
      ]),
      'a NUL at the end': `${text}\u0000`,
      'a NUL in a member': text.replace('":"', '":"\u0000'),
      'a blank before': ` ${text}`,
      'a line after': `${text}\n`,
      'blanks within': text.replaceAll(',', ', '),
      'a comment': `${text}//`,
      'a comma too many': text.replace('}', ',}'),
      'another object after': text + text,
      'single quotes': text.replaceAll('"', "'"),
      'an escape that is not needed': text.replace('"a', '"\\u0061'),
      'a member twice, first': `{${twice},${text.slice(1)}`,
      'a member twice, last': `${text.slice(0, -1)},${twice}}`,
      'the same member twice': `${text.slice(0, -1)},${text.slice(1)}`,
      nothing: '',
      'an empty object': '{}',
      'a list': `[${text}]`,
      'a text': JSON.stringify(text),
      null: 'null',
      true: 'true',
      'a number': '1',
      'half of it': text.slice(0, text.length / 2),
      'no JSON': 'alg=EdDSA',
    }
    for (const [way, other] of Object.entries(ways)) bent[`${name}: ${way}`] = holding(other)
  }
  return bent
}

function publicOf(key: KeyObject): KeyObject {
  return createPublicKey(key)
}
