import { describe, expect, it } from 'vitest'
import { type Bindings, readEdgeConfig } from '../../edge/config.ts'

const bindings: Bindings = {
  CELLS: '{"eu":{"url":"https://eu.test/"}}',
  EDGE_SECRETS: '{"eu":"k1:-_-_"}',
  DEFAULT_CELL: 'eu',
  ENVIRONMENT: 'production',
}

describe('the configuration', () => {
  it('is read from the bindings', () => {
    const { cells, defaultCell, environment } = readEdgeConfig(bindings)
    expect([...cells.keys()]).toEqual(['eu'])
    expect(defaultCell).toMatchObject({ name: 'eu', url: 'https://eu.test', keyId: 'k1' })
    expect([...defaultCell.secret]).toEqual([0xfb, 0xff, 0xbf])
    expect(environment).toBe('production')
  })

  it('names a Redis when both of its bindings are set, and none when neither is', () => {
    const url = 'https://eu1-cat.upstash.io'
    const set = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: 'token' }
    expect(readEdgeConfig({ ...bindings, ...set }).redis).toEqual({ url, token: 'token' })
    expect(readEdgeConfig(bindings).redis).toBeNull()
  })

  it.each<[string, Partial<Bindings>, RegExp]>([
    ['CELLS is not JSON', { CELLS: '{' }, /^CELLS must be/],
    ['CELLS is no object', { CELLS: '7' }, /^CELLS must be/],
    ['CELLS is missing', { CELLS: undefined as unknown as string }, /^CELLS must be/],
    ['EDGE_SECRETS is null', { EDGE_SECRETS: 'null' }, /^EDGE_SECRETS must be/],
    ['a cell has no url', { CELLS: '{"eu":{}}' }, /cell eu/],
    ['a cell’s url is none', { CELLS: '{"eu":{"url":"eu.test"}}' }, /cell eu/],
    ['a cell has no secret', { EDGE_SECRETS: '{"us":"k1:-_-_"}' }, /cell eu/],
    ['a secret has no key id', { EDGE_SECRETS: '{"eu":"-_-_"}' }, /cell eu/],
    ['a secret is not base64url', { EDGE_SECRETS: '{"eu":"k1:top secret!"}' }, /cell eu/],
    ['a cell is null', { CELLS: '{"eu":null}' }, /cell eu/],
    [
      'Redis has no token',
      { UPSTASH_REDIS_REST_URL: 'https://eu1-cat.upstash.io' },
      /^UPSTASH_REDIS_REST_TOKEN/,
    ],
    ['Redis has no URL', { UPSTASH_REDIS_REST_TOKEN: 'token' }, /^UPSTASH_REDIS_REST_URL/],
    [
      'the token of Redis would travel in the clear',
      { UPSTASH_REDIS_REST_URL: 'http://eu1-cat.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'token' },
      /^UPSTASH_REDIS_REST_URL/,
    ],
    ['the default cell is none of them', { DEFAULT_CELL: 'us' }, /^DEFAULT_CELL/],
  ])('is refused with the binding’s name when %s', (_, overrides, message) => {
    expect(() => readEdgeConfig({ ...bindings, ...overrides })).toThrow(message)
  })

  it('never repeats a secret in what it says', () => {
    const broken = { ...bindings, EDGE_SECRETS: '{"eu":"c2VjcmV0LXZhbHVl"}' }
    expect(() => readEdgeConfig(broken)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('c2VjcmV0LXZhbHVl') }),
    )
  })
})
