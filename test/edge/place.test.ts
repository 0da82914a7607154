import { describe, expect, it } from 'vitest'
import { type Bindings, readEdgeConfig } from '../../edge/config.ts'
import { cellFor, type MarketFacts, placeOf, preferredLocale } from '../../edge/geo/place.ts'
import { facts as allFacts } from '../../shared/contracts/facts.generated.ts'
import { newCellId } from '../../shared/ids.ts'
import { GUEST, type Principal } from '../../shared/principal.ts'

const MARKETS: MarketFacts[] = [
  { id: 'de', countries: ['DE', 'AT'], locales: ['de', 'en'], isDefault: false },
  { id: 'us', countries: ['US'], locales: ['en'], isDefault: true },
]
const NOTHING = { country: null, market: null, locale: null, acceptLanguage: null }

describe('the place of a request', () => {
  it.each([
    ['a country of a market', { country: 'AT' }, { country: 'AT', market: 'de', locale: 'de' }],
    ['a country of none', { country: 'BR' }, { country: 'BR', market: 'us', locale: 'en' }],
    ['no country', {}, { country: null, market: 'us', locale: 'en' }],
    [
      'a language of the market',
      { country: 'DE', acceptLanguage: 'en-GB' },
      { country: 'DE', market: 'de', locale: 'en' },
    ],
    [
      'a named market',
      { country: 'DE', market: 'us', acceptLanguage: 'de' },
      { country: 'DE', market: 'us', locale: 'en' },
    ],
    [
      'a named locale',
      { country: 'DE', locale: 'en', acceptLanguage: 'de' },
      { country: 'DE', market: 'de', locale: 'en' },
    ],
    [
      'a named market that is unknown, for the cell to refuse',
      { country: 'DE', market: 'xx' },
      { country: 'DE', market: 'xx', locale: null },
    ],
  ])('follows %s', (_, wishes, place) => {
    expect(placeOf({ ...NOTHING, ...wishes }, MARKETS)).toEqual(place)
  })

  it('is open when no market is known', () => {
    expect(placeOf({ ...NOTHING, country: 'DE' }, [])).toEqual({
      country: 'DE',
      market: null,
      locale: null,
    })
  })
})

describe('the preferred locale', () => {
  const offered = ['de', 'en', 'fr-CH']

  it.each([
    ['en', 'en'],
    ['EN', 'en'],
    ['fr-CH', 'fr-CH'],
    ['fr', 'fr-CH'],
    ['en-US,de;q=0.9', 'en'],
    ['de;q=0.5, en;q=0.8', 'en'],
    ['it, en;q=0.1', 'en'],
    ['en;q=0, fr;q=0.3', 'fr-CH'],
    ['it', 'de'],
    ['*', 'de'],
    ['', 'de'],
    ['en;q=nonsense', 'en'],
    [',;=,;;,', 'de'],
    [`${'it,'.repeat(500)}en`, 'de'],
    [null, 'de'],
  ])('for %j is %s', (acceptLanguage, locale) => {
    expect(preferredLocale(acceptLanguage, offered)).toBe(locale)
  })

  it('is none when none is offered', () => {
    expect(preferredLocale('en', [])).toBeNull()
  })
})

describe('the cell of a request', () => {
  const secret = 'k1:c2VjcmV0'
  const bindings: Bindings = {
    CELLS: '{"eu":{"url":"https://eu.test"},"us":{"url":"https://us.test"}}',
    EDGE_SECRETS: JSON.stringify({ eu: secret, us: secret }),
    DEFAULT_CELL: 'eu',
    ENVIRONMENT: 'development',
  }
  const config = readEdgeConfig(bindings)
  const customer: Principal = {
    kind: 'customer',
    group: null,
    session: 'ses_1',
    id: 'cus_1',
    cell: 'us',
  }

  function nameOf(id: string, params: Record<string, string>, principal: Principal = GUEST) {
    const facts = allFacts.find((each) => each.id === id)!
    return cellFor(config, facts, { params, principal }).name
  }

  it('is the one an id names, whoever asks', () => {
    const cartId = newCellId('cart', 'us')
    expect(nameOf('carts.getCart', { cartId })).toBe('us')
    expect(nameOf('carts.getCart', { cartId: newCellId('cart', 'eu') }, customer)).toBe('eu')
  })

  it('is the caller’s home for what no id places, and the default for a guest', () => {
    expect(nameOf('carts.createCart', {}, customer)).toBe('us')
    expect(nameOf('carts.createCart', {})).toBe('eu')
  })

  it('is the default for an id of a cell that does not exist, and for what is no id', () => {
    expect(nameOf('carts.getCart', { cartId: newCellId('cart', 'mars') })).toBe('eu')
    expect(nameOf('carts.getCart', { cartId: 'constructor' })).toBe('eu')
  })

  it('is the default for a cached read, whoever asks', () => {
    expect(nameOf('catalog.getProduct', { handle: 'x' }, customer)).toBe('eu')
  })
})
