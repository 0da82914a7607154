import { describe, expect, it } from 'vitest'
import { clientOf } from '../../edge/limits/client.ts'

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
