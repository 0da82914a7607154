import { describe, expect, it } from 'vitest'
import { READS_MAX, ReadKeys } from '../../edge/cache/read-keys.ts'
import type { MarketFacts } from '../../edge/geo/place.ts'
import { facts as allFacts } from '../../shared/contracts/facts.generated.ts'

const MARKETS: MarketFacts[] = [
  { id: 'de', countries: ['DE', 'AT'], locales: ['de', 'en'], isDefault: true },
  { id: 'gb', countries: ['GB'], locales: ['en'], isDefault: false },
]
const getProduct = allFacts.find((each) => each.id === 'catalog.getProduct')!
/** Keys are made without asking anyone. */
const NOWHERE = { fetch: () => Promise.reject(new Error('asked')) }
const PARAMS = { handle: 'kanne' }

function asked(
  query: string,
  from: { country?: string; languages?: string; method?: string } = {},
): Request {
  const { country = 'DE', languages = 'de', method = 'GET' } = from
  const headers = { 'accept-language': languages }
  const request = new Request(`https://api.test/v1/products/kanne${query}`, { headers, method })
  return Object.assign(request, { cf: { country } })
}

function made(
  keys: ReadKeys,
  request: Request,
  directory = MARKETS,
  group: string | null = null,
): string {
  return keys.make(getProduct, { request, params: PARAMS, group, directory }).key
}

function known(keys: ReadKeys, request: Request, directory = MARKETS, group: string | null = null) {
  return keys.known(request, { group, directory })
}

describe('a read that was asked for before', () => {
  it('is known by its address when that names its place, from wherever it is asked', () => {
    const keys = new ReadKeys(NOWHERE)
    const named = '?market=gb&locale=en'
    expect(known(keys, asked(named), MARKETS)).toBeNull()
    const key = made(keys, asked(named))
    expect(known(keys, asked(named, { country: 'AT', languages: 'en' }), MARKETS)?.key).toBe(key)
  })

  it.each(['', '?market=de', '?locale=en', '?utm=1'])(
    'at %j is known by address, country and languages together',
    (query) => {
      const keys = new ReadKeys(NOWHERE)
      const everywhere = ['DE', 'GB', 'BR'].flatMap((country) =>
        ['de', 'en', 'fr, en;q=0.5'].map((languages) => asked(query, { country, languages })),
      )
      for (const request of everywhere) {
        expect(known(keys, request, MARKETS)).toBeNull()
        made(keys, request)
      }
      for (const request of everywhere) {
        expect(known(keys, request, MARKETS)?.key).toBe(made(new ReadKeys(NOWHERE), request))
      }
    },
  )

  it.each(['', '?market=de&locale=de'])('at %j is known to its group alone', (query) => {
    const keys = new ReadKeys(NOWHERE)
    const request = asked(query)
    const everybodys = made(keys, request)
    expect(known(keys, request, MARKETS, 'trade')).toBeNull()
    const trades = made(keys, request, MARKETS, 'trade')
    expect(trades).toBe(`${everybodys}&group=trade`)
    expect(known(keys, request, MARKETS, 'trade')?.key).toBe(trades)
    expect(known(keys, request, MARKETS, 'staff')).toBeNull()
    expect(known(keys, request, MARKETS)?.key).toBe(everybodys)
  })

  it('is forgotten when the markets change', () => {
    const keys = new ReadKeys(NOWHERE)
    made(keys, asked(''))
    const changed = MARKETS.map((market) => ({ ...market, locales: ['en'] }))
    expect(known(keys, asked(''), changed)).toBeNull()
    expect(made(keys, asked(''), changed)).toContain('locale=en')
    expect(known(keys, asked(''), MARKETS)?.key).toContain('locale=de')
  })

  it('is not known by another method', () => {
    const keys = new ReadKeys(NOWHERE)
    made(keys, asked(''))
    expect(known(keys, asked('', { method: 'DELETE' }), MARKETS)).toBeNull()
    expect(known(keys, asked('', { method: 'HEAD' }), MARKETS)).toBeNull()
  })
})

describe('what is remembered', () => {
  it('holds no position, and no address with one', () => {
    const keys = new ReadKeys(NOWHERE)
    const request = asked('?market=de&locale=de&position=catalogue%3D8%3Bh%3Dh1')
    expect(made(keys, request)).toBe('/v1/products/kanne?locale=de&market=de')
    expect(known(keys, request, MARKETS)).toBeNull()
  })

  it('is of bounded number and size: the oldest goes', () => {
    const keys = new ReadKeys(NOWHERE)
    const place = '?market=de&locale=de'
    for (let index = 0; index <= READS_MAX; index += 1) made(keys, asked(`${place}&n=${index}`))
    expect(known(keys, asked(`${place}&n=0`), MARKETS)).toBeNull()
    expect(known(keys, asked(`${place}&n=${READS_MAX}`), MARKETS)).not.toBeNull()
    const long = asked(`${place}&n=${'x'.repeat(600)}`)
    made(keys, long)
    expect(known(keys, long, MARKETS)).toBeNull()
  })
})
