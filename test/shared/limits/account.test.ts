import { expect, test } from 'vitest'
import { accountIn } from '../../../shared/limits/account.ts'

test.each([
  ' Ada@Example.COM ',
  'ada+1@example.com',
  'ADA+one+two@example.com',
  'ada+@example.com',
])('%s is the mailbox of ada@example.com', (written) => {
  expect(accountIn('email', written)).toBe('ada@example.com')
})

test.each(['+1@example.com', 'ada.b@example.com', 'ada', 'ada+1', 'ada@example.com+1'])(
  '%s is its own',
  (written) => {
    expect(accountIn('email', written)).toBe(written)
  },
)

test('a text as long as a body is read in no time', () => {
  const startedAtMs = performance.now()
  accountIn('email', '+'.repeat(65_536))
  accountIn('email', `a${'+@'.repeat(32_768)}`)
  expect(performance.now() - startedAtMs).toBeLessThan(100)
})

test('a refresh token is its session, however often it rotated', () => {
  expect(accountIn('refreshToken', 'rt_eu_1.one')).toBe(accountIn('refreshToken', 'rt_eu_1.two'))
  expect(accountIn('refreshToken', 'rt_eu_1')).toBe('rt_eu_1')
})
