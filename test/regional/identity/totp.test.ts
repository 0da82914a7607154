/** Codes by time, against the test vectors of their specifications. */
import { expect, test } from 'vitest'
import {
  base32,
  codeOf,
  keyUri,
  matchingStep,
  stepAt,
} from '../../../regional/modules/identity/totp.ts'

const SECRET = Buffer.from('12345678901234567890')

test.each([
  ['1970-01-01T00:00:59Z', '287082'],
  ['2005-03-18T01:58:29Z', '081804'],
  ['2005-03-18T01:58:31Z', '050471'],
  ['2009-02-13T23:31:30Z', '005924'],
  ['2033-05-18T03:33:20Z', '279037'],
  ['2603-10-11T11:33:20Z', '353130'],
])('at %s the code is %s (RFC 6238, appendix B)', (time, code) => {
  expect(codeOf(SECRET, stepAt(new Date(time)))).toBe(code)
})

test.each([
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
])('%s is %s in base32 (RFC 4648 §10)', (text, encoded) => {
  expect(base32(Buffer.from(text))).toBe(encoded)
})

test('a clock may be one step off either way, and no more', () => {
  const now = new Date('2026-11-17T12:00:00Z')
  const step = stepAt(now)
  const matches = [-2, -1, 0, 1, 2].map((off) =>
    matchingStep(SECRET, codeOf(SECRET, step + off), { now, lastStep: 0 }),
  )
  expect(matches).toEqual([null, step - 1, step, step + 1, null])
})

test('neither the code used last nor an older one passes', () => {
  const now = new Date('2026-11-17T12:00:00Z')
  const step = stepAt(now)
  const match = (off: number) =>
    matchingStep(SECRET, codeOf(SECRET, step + off), { now, lastStep: step })
  expect([match(-1), match(0), match(1)]).toEqual([null, null, step + 1])
})

test.each(['', '12345', '1234567', 'abcdef', '２８７０８２'])('%j is no code', (code) => {
  expect(matchingStep(SECRET, code, { now: new Date(59_000), lastStep: -1 })).toBeNull()
})

test('the URI names issuer and account, escaped', () => {
  expect(keyUri(SECRET, { issuer: 'Trade & Wind', account: 'ada@example.com' })).toBe(
    'otpauth://totp/Trade%20%26%20Wind:ada%40example.com' +
      `?secret=${base32(SECRET)}&issuer=Trade%20%26%20Wind`,
  )
})
