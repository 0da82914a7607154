/** The tags of the catalogue's answers: what each was built from, by the names that changes use. */

export const tags = {
  /** The set of markets and what they show. Every localised answer is built from it. */
  markets: 'markets',
  /** The set of categories, their names and order. */
  categories: 'categories',
  /** Membership and order of the list of all products. */
  products: 'products',
  product: (id: string) => `product:${id}`,
  /** Which product answers to a handle, if any. */
  handle: (handle: string) => `handle:${handle}`,
  /** Membership and order of one category's list. */
  category: (handle: string) => `category:${handle}`,
} as const
