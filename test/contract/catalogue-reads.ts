/** Every cached contract, asked in every way that can differ: the requests that the test of tags keeps warm. */
import { ProductSort } from '../../shared/contracts/catalog.ts'
import type { TestCell } from '../support/cell.ts'

/** What the edge may decide, the token's group too, and what no market knows. */
const PLACES = [
  'market=at&locale=de-AT',
  'market=de&locale=de',
  'market=de&locale=en',
  'market=us&locale=en',
  'market=de&locale=de&group=wholesale',
  'market=us&locale=en&group=vip',
]
const UNKNOWN_PLACES = ['market=fr&locale=fr', 'market=de&locale=fr', 'market=fr']
/** Products and categories that are there from the start, come later, change their name, or never exist. */
const HANDLES = ['alpha', 'beta', 'gamma', 'alpha-renamed', 'delta', 'imported', 'never']
const CATEGORIES = ['kettles', 'teapots', 'cups', 'later', 'never']

/** By contract id; a contract that is not here fails the test. */
export const READS: Readonly<Record<string, readonly string[]>> = {
  'catalog.listMarkets': ['/v1/markets'],
  'catalog.listCategories': [...PLACES, ...UNKNOWN_PLACES].map(
    (place) => `/v1/categories?${place}`,
  ),
  'catalog.getProduct': HANDLES.flatMap((handle) =>
    [...PLACES, ...UNKNOWN_PLACES].map((place) => `/v1/products/${handle}?${place}`),
  ),
  'catalog.listProducts': [
    ...PLACES.flatMap((place) => listsOf(place)),
    ...UNKNOWN_PLACES.map((place) => `/v1/products?${place}`),
  ],
}

function listsOf(place: string): string[] {
  const lists = [place, ...CATEGORIES.map((category) => `category=${category}&${place}`)]
  return ProductSort.options.flatMap((sort) =>
    lists.map((list) => `/v1/products?${list}&limit=2&sort=${sort}`),
  )
}

/** The pages that follow the first ones, under every sort. */
export async function followingPages(cell: TestCell): Promise<string[]> {
  const paths: string[] = []
  for (const first of READS['catalog.listProducts']!) {
    const page = (await (await cell.call('get', first)).json()) as { next?: string | null }
    if (page.next) paths.push(`${first}&after=${page.next}`)
  }
  return paths
}
