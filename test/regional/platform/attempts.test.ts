import { describe, expect, it } from 'vitest'
import { Attempts } from '../../../regional/platform/attempts.ts'
import { LIMIT_POLICIES } from '../../../shared/limits/policies.ts'
import type { Problem } from '../../../shared/problems.ts'

const { quota, windowSeconds } = LIMIT_POLICIES['sign-in'].account

function allowed(attempts: Attempts, account: string, options: { times: number; atMs: number }) {
  let count = 0
  let refusal: Problem | undefined
  for (let time = 0; time < options.times; time += 1) {
    try {
      attempts.take('sign-in', account, options.atMs)
      count += 1
    } catch (error) {
      refusal = error as Problem
    }
  }
  return { count, refusal }
}

describe('what is tried with an account', () => {
  it('is refused past its quota, with the time until the next', () => {
    const attempts = new Attempts()
    const { count, refusal } = allowed(attempts, 'ada@example.com', { times: 50, atMs: 0 })
    expect(count).toBe(quota)
    expect(refusal).toMatchObject({ code: 'limit.exceeded', status: 429 })
    const seconds = refusal!.retryAfterSeconds!
    expect(seconds).toBe(windowSeconds / quota)
    const later = { times: 50, atMs: seconds * 1_000 }
    expect(allowed(attempts, 'ada@example.com', later).count).toBe(1)
  })

  it('takes nothing from another account, nor from another policy', () => {
    const attempts = new Attempts()
    allowed(attempts, 'ada@example.com', { times: 50, atMs: 0 })
    expect(allowed(attempts, 'eve@example.com', { times: 50, atMs: 0 }).count).toBe(quota)
    expect(() => attempts.take('recovery', 'ada@example.com', 0)).not.toThrow()
  })
})
