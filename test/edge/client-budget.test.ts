import { describe, expect, it } from 'vitest'
import { ClientBudget, clientOf } from '../../edge/limits/client-budget.ts'

const RULE = { burst: 5, perSecond: 2 }

function taken(budget: ClientBudget, client: string, options: { times: number; atMs: number }) {
  let count = 0
  for (let time = 0; time < options.times; time += 1) {
    if (budget.take(client, options.atMs)) count += 1
  }
  return count
}

describe('a client’s budget', () => {
  it('allows a burst, then a rate', () => {
    const budget = new ClientBudget(RULE)
    expect(taken(budget, 'a', { times: 100, atMs: 0 })).toBe(5)
    expect(taken(budget, 'a', { times: 100, atMs: 400 })).toBe(0)
    expect(taken(budget, 'a', { times: 100, atMs: 500 })).toBe(1)
    expect(taken(budget, 'a', { times: 100, atMs: 2_500 })).toBe(4)
  })

  it('refills no further than the burst', () => {
    const budget = new ClientBudget(RULE)
    taken(budget, 'a', { times: 5, atMs: 0 })
    expect(taken(budget, 'a', { times: 100, atMs: 3_600_000 })).toBe(5)
  })

  it('refills also for a client that keeps asking', () => {
    const budget = new ClientBudget(RULE)
    taken(budget, 'a', { times: 5, atMs: 0 })
    let count = 0
    for (let atMs = 10; atMs <= 5_000; atMs += 10) if (budget.take('a', atMs)) count += 1
    expect(count).toBeGreaterThanOrEqual(9)
    expect(count).toBeLessThanOrEqual(10)
  })

  it('is each client’s own', () => {
    const budget = new ClientBudget(RULE)
    expect(taken(budget, 'a', { times: 9, atMs: 0 })).toBe(5)
    expect(taken(budget, 'b', { times: 9, atMs: 0 })).toBe(5)
  })

  it('is kept for a client that stays, however many others come and go', () => {
    const budget = new ClientBudget(RULE)
    let allowed = 0
    for (let other = 0; other < 30_000; other += 1) {
      if (other % 1_000 === 0 && budget.take('a', 0)) allowed += 1
      budget.take(`other-${other}`, 0)
    }
    expect(allowed).toBe(5)
  })
})

it('a client is who Cloudflare says it is, whatever it says itself', () => {
  const headers = { 'cf-connecting-ip': '192.0.2.1', 'x-forwarded-for': '198.51.100.7' }
  expect(clientOf(new Request('https://edge.test', { headers }))).toBe('192.0.2.1')
})

describe('a client', () => {
  const of = (address: string) =>
    clientOf(new Request('https://shop.test', { headers: { 'cf-connecting-ip': address } }))

  it('is an IPv4 address, and of IPv6 the network that a household has', () => {
    expect(of('192.0.2.1')).toBe('192.0.2.1')
    expect(of('192.0.2.1')).not.toBe(of('192.0.2.2'))
    expect(of('2001:db8:1:2::1')).toBe(of('2001:db8:1:2:ffff:ffff:ffff:ffff'))
    expect(of('2001:db8:1:2::1')).not.toBe(of('2001:db8:1:3::1'))
    expect(of('2001:db8::1')).toBe('2001:db8:0:0')
    expect(of('2001:db8::5:6:7:8')).toBe('2001:db8:0:0')
    expect(of('2001:db8:0:1::')).toBe('2001:db8:0:1')
    expect(of('::1')).toBe('0:0:0:0')
  })

  it('that no address is known of is one with all such', () => {
    expect(clientOf(new Request('https://shop.test'))).toBe('unknown')
  })
})
