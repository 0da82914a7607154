import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheKey } from '../../edge/cache/key.ts'
import { facts as allFacts } from '../../shared/contracts/facts.generated.ts'

const PLACE = { country: 'DE', market: 'de', locale: 'de' }
const getProduct = factsOf('catalog.getProduct')
const listProducts = factsOf('catalog.listProducts')
const listCategories = factsOf('catalog.listCategories')
const listMarkets = factsOf('catalog.listMarkets')

function factsOf(id: string) {
  return allFacts.find((each) => each.id === id)!
}

function keyOf(
  query: string,
  facts = listProducts,
  params: Record<string, string> = {},
  group: string | null = null,
): string {
  return cacheKey(facts, { params, query: new URLSearchParams(query), place: PLACE, group })
}

describe('the key of a cached read', () => {
  it('holds the path, the declared query and the place its contract varies by', () => {
    expect(keyOf('', getProduct, { handle: 'kanne' })).toBe(
      '/v1/products/kanne?locale=de&market=de',
    )
    expect(keyOf('', listMarkets)).toBe('/v1/markets')
  })

  it('drops what the contract does not declare, the position too', () => {
    const query = 'utm_source=mail&sort=name&position=catalogue%3D8%3Bh%3Dha&x=1'
    expect(keyOf(query)).toBe(keyOf('sort=name'))
  })

  it('is the same whatever the order and the escaping of the query', () => {
    const pairs = ['sort=price', 'limit=5', 'category=teapots', 'market=us', 'locale=en', 'junk=1']
    const expected = keyOf(pairs.join('&'))
    fc.assert(
      fc.property(fc.shuffledSubarray(pairs, { minLength: pairs.length }), (shuffled) => {
        expect(keyOf(shuffled.join('&'))).toBe(expected)
      }),
    )
    expect(keyOf('sort=%70rice')).toBe(keyOf('sort=price'))
  })

  it('lets what the query names win over what the place decides', () => {
    expect(keyOf('market=us&locale=en')).toBe('/v1/products?locale=en&market=us')
  })

  it('names the token’s customer group where the contract varies by it, and nowhere else', () => {
    expect(keyOf('', getProduct, { handle: 'kanne' }, 'wholesale')).toBe(
      '/v1/products/kanne?locale=de&market=de&group=wholesale',
    )
    expect(keyOf('', listMarkets, {}, 'wholesale')).toBe('/v1/markets')
    expect(keyOf('', listCategories, {}, 'wholesale')).not.toContain('group')
  })

  it('never takes a group from the query', () => {
    for (const query of ['group=vip', 'group=vip&group=vip', 'Group=vip', 'g%72oup=vip']) {
      expect(keyOf(query)).toBe(keyOf(''))
      expect(keyOf(query, listProducts, {}, 'wholesale')).toBe(
        keyOf('', listProducts, {}, 'wholesale'),
      )
    }
  })

  it('keeps a name given twice, for the cell to refuse', () => {
    expect(keyOf('sort=name&sort=price')).toContain('sort=name&sort=price')
  })

  it('tells different requests apart, whatever they contain', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 }).map((each) => each.toWellFormed())
    const request = fc.record({ handle: text, market: text, locale: text })
    fc.assert(
      fc.property(request, request, (one, other) => {
        const [a, b] = [one, other].map(({ handle, market, locale }) => {
          const query = new URLSearchParams({ market, locale })
          return cacheKey(getProduct, { params: { handle }, query, place: PLACE, group: null })
        })
        expect(a === b).toBe(JSON.stringify(one) === JSON.stringify(other))
      }),
    )
  })

  it('is a path that reads back as what was asked', () => {
    const key = keyOf('category=a%26b%3Dc', listProducts)
    const url = new URL(key, 'https://cell.test')
    expect(url.pathname).toBe('/v1/products')
    expect(url.searchParams.get('category')).toBe('a&b=c')
    expect(keyOf('', getProduct, { handle: '../staff/x?y=1#z' })).toMatch(
      /^\/v1\/products\/[^/?#]+\?/,
    )
  })
})
