/** Only what a trusted edge signed is let in, once, unaltered and in time. */
import { createHmac } from 'node:crypto'
import { createVerifier, httpbis } from 'http-message-signatures'
import { beforeEach, describe, expect, test } from 'vitest'
import { EdgeSignatures, isDigestOf } from '../../../regional/platform/edge-signature.ts'
import { edgeSecret, signRequest } from '../../support/keys.ts'

const TARGET = 'http://cell.test/v1/carts/cart-1/lines?market=de'
const BODY = '{"lines":[]}'
let now: Date
let signatures: EdgeSignatures

beforeEach(() => {
  now = new Date('2026-11-01T12:00:00Z')
  signatures = new EdgeSignatures([edgeSecret], { now: () => now })
})

function signed(secret = edgeSecret): Headers {
  const headers = new Headers({
    authorization: 'Bearer abc',
    'idempotency-key': 'key-0123456789abcd',
  })
  return signRequest({ method: 'post', url: TARGET, headers, body: BODY }, { now, secret })
}

function refusal(headers: Headers, request: { method?: string; url?: string } = {}) {
  const { method = 'POST', url = TARGET } = request
  const { pathname, search } = new URL(url)
  return signatures.refusalOf({
    method,
    path: pathname,
    query: search,
    header: (name) => headers.get(name),
  })
}

function later(seconds: number): void {
  now = new Date(now.getTime() + seconds * 1_000)
}

test('a signed request is let in', () => {
  expect(refusal(signed())).toBeNull()
})

test('a request without a signature is refused', () => {
  const headers = signed()
  headers.delete('signature')
  expect(refusal(headers)).toBe('unsigned')
  expect(refusal(new Headers())).toBe('unsigned')
})

test('the same signature is refused the second time, as long as it could be good', () => {
  const headers = signed()
  expect(refusal(headers)).toBeNull()
  expect(refusal(headers)).toBe('replayed')
  later(34)
  expect(refusal(headers)).toBe('replayed')
})

test('a nonce is not forgotten while its signature lives, however much else is signed', () => {
  const headers = signed()
  expect(refusal(headers)).toBeNull()
  later(29)
  for (let count = 0; count < 1_000; count += 1) expect(refusal(signed())).toBeNull()
  expect(refusal(headers)).toBe('replayed')
})

test('an expired signature is refused, and one from the future', () => {
  const headers = signed()
  later(36)
  expect(refusal(headers)).toBe('expired')
  later(-60)
  expect(refusal(headers)).toBe('expired')
})

test('a signature that claims a long life is refused', () => {
  const headers = signed()
  const input = headers.get('signature-input')!
  const expires = Number(/expires=(\d+)/.exec(input)![1])
  headers.set('signature-input', input.replace(String(expires), String(expires + 3_600)))
  expect(refusal(headers)).toBe('expired')
})

test('a key that is not known is refused, and both are good during a rotation', () => {
  const next = edgeSecret.replace('edge-1:', 'edge-2:')
  expect(refusal(signed(next))).toBe('unknown_key')
  signatures = new EdgeSignatures([edgeSecret, next], { now: () => now })
  expect(refusal(signed(next))).toBeNull()
  expect(refusal(signed())).toBeNull()
})

describe('what was altered', () => {
  test('another method, path or query', () => {
    expect(refusal(signed(), { method: 'PUT' })).toBe('altered')
    expect(refusal(signed(), { url: TARGET.replace('cart-1', 'cart-2') })).toBe('altered')
    expect(refusal(signed(), { url: TARGET.replace('market=de', 'market=us') })).toBe('altered')
  })

  test.each(['authorization', 'idempotency-key', 'content-digest', 'content-type'])(
    'another %s',
    (name) => {
      const headers = signed()
      headers.set(name, 'something else')
      expect(refusal(headers)).toBe('altered')
    },
  )

  test('a covered header that was taken away, or one that was added', () => {
    const without = signed()
    without.delete('authorization')
    expect(refusal(without)).toBe('components')
    const more = signed()
    more.set('tradewind-cart-secret', 'stolen')
    expect(refusal(more)).toBe('components')
  })

  test('a list of covered headers that leaves one out', () => {
    const headers = signed()
    const input = headers.get('signature-input')!.replace(' "authorization"', '')
    headers.set('signature-input', input)
    expect(refusal(headers)).toBe('components')
  })

  test('a signature made with another secret under the same name', () => {
    const forged = `edge-1:${Buffer.alloc(32, 7).toString('base64url')}`
    expect(refusal(signed(forged))).toBe('altered')
  })

  test('a body that is not the one the digest names', () => {
    const digest = signed().get('content-digest')
    expect(isDigestOf(Buffer.from(BODY), digest)).toBe(true)
    expect(isDigestOf(Buffer.from(`${BODY} `), digest)).toBe(false)
    expect(isDigestOf(Buffer.from(BODY), null)).toBe(false)
  })
})

describe('RFC 9421, against another implementation', () => {
  const [keyid, secret] = edgeSecret.split(':') as [string, string]
  const key = Buffer.from(secret, 'base64url')

  test('it verifies what we sign', async () => {
    now = new Date()
    const request = { method: 'POST', url: TARGET, headers: Object.fromEntries(signed()) }
    const verify = createVerifier(key, 'hmac-sha256')
    const keyLookup = async () => ({ id: keyid, algs: ['hmac-sha256'], verify })
    const verified = await httpbis.verifyMessage({ keyLookup, all: true }, request)
    expect(verified).toBe(true)
    request.url = TARGET.replace('cart-1', 'cart-2')
    const altered = httpbis.verifyMessage({ keyLookup, all: true }, request)
    await expect(altered.catch(() => false)).resolves.toBe(false)
  })

  test('we let in what it signs', async () => {
    const request = {
      method: 'POST',
      url: TARGET,
      headers: {
        'content-type': 'application/json',
        'content-digest': signed().get('content-digest')!,
        authorization: 'Bearer abc',
      },
    }
    const fields = ['@method', '@path', '@query', 'content-digest', 'content-type', 'authorization']
    const sign = async (data: Buffer) => createHmac('sha256', key).update(data).digest()
    const { headers } = await httpbis.signMessage(
      {
        key: { id: keyid, alg: 'hmac-sha256', sign },
        name: 'tw',
        fields,
        params: ['created', 'expires', 'nonce', 'keyid', 'alg'],
        paramValues: {
          created: now,
          expires: new Date(now.getTime() + 30_000),
          nonce: 'nonce-0123456789abcdef',
        },
      },
      request,
    )
    expect(refusal(new Headers(headers as Record<string, string>))).toBeNull()
  })
})
