/** A cell with markets and categories, and short ways to write products into it. */

import type { z } from 'zod'
import { putMarkets } from '../../../regional/modules/catalog/index.ts'
import type { Actor } from '../../../regional/platform/implement.ts'
import type {
  CreateProduct,
  Market,
  StaffCategory,
  StaffProduct,
} from '../../../shared/contracts/catalog.ts'
import { EVERY_GRANT } from '../../../shared/principal.ts'
import { type CellCall, startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'

export const MARKETS: Market[] = [
  {
    id: 'at',
    name: 'Österreich',
    countries: ['AT'],
    currency: 'EUR',
    locales: ['de-AT'],
    pricesIncludeTax: true,
    taxBasisPoints: 2_000,
    isDefault: false,
  },
  {
    id: 'de',
    name: 'Deutschland',
    countries: ['DE'],
    currency: 'EUR',
    locales: ['de', 'en'],
    pricesIncludeTax: true,
    taxBasisPoints: 1_900,
    isDefault: false,
  },
  {
    id: 'us',
    name: 'United States',
    countries: ['US'],
    currency: 'USD',
    locales: ['en'],
    pricesIncludeTax: false,
    taxBasisPoints: 825,
    isDefault: true,
  },
]

export const system: Actor = {
  principal: { kind: 'staff', id: 'stf_system', cell: 'eu', session: 'none', grants: EVERY_GRANT },
  cartSecret: null,
  requestId: 'test',
}

export interface CatalogCell extends TestCell {
  /** A staff call that must succeed. */
  staff<T>(method: string, path: string, body?: unknown): Promise<T>
  /** A staff call, whatever comes of it. */
  tryStaff(method: string, path: string, call?: CellCall): Promise<Response>
  createProduct(input?: Partial<z.input<typeof CreateProduct>>): Promise<StaffProduct>
  publishedProduct(input?: Partial<z.input<typeof CreateProduct>>): Promise<StaffProduct>
  createCategory(handle: string, more?: object): Promise<StaffCategory>
  /** Runs `work` and returns the tags of each tick it made. */
  ticksOf(work: () => Promise<unknown>): Promise<string[][]>
  /** The audit rows of a subject, oldest first. */
  audits(subject: string): Promise<{ actor: string; action: string; requestId: string }[]>
}

export async function startCatalogCell(): Promise<CatalogCell> {
  const cell = await startTestCell()
  await cell.services.db.inTransaction((tx) => putMarkets(tx, system, MARKETS))
  const token = await accessToken()
  let made = 0
  const tryStaff: CatalogCell['tryStaff'] = (method, path, call = {}) =>
    cell.call(method, path, { token, ...call })
  const staff = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await tryStaff(method, path, body === undefined ? {} : { body })
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
    return (await response.json()) as T
  }
  const createProduct: CatalogCell['createProduct'] = (input = {}) => {
    made += 1
    return staff('post', '/v1/staff/products', { ...productInput(made), ...input })
  }
  return {
    ...cell,
    tryStaff,
    staff,
    createProduct,
    publishedProduct: async (input) => {
      const { id } = await createProduct(input)
      return await staff<StaffProduct>('post', `/v1/staff/products/${id}/publish`)
    },
    createCategory: (handle, more = {}) =>
      staff('post', '/v1/staff/categories', {
        handle,
        translations: { de: { name: `${handle} de` }, en: { name: `${handle} en` } },
        ...more,
      }),
    ticksOf: async (work) => {
      const [before] = await queryRows<{ n: number }>(
        cell.url,
        `select n::int from feed_clock where feed = 'catalogue'`,
      )
      await work()
      const changes = await queryRows<{ tags: string[] }>(
        cell.url,
        `select tags from feed_change where feed = 'catalogue' and n > $1 order by n`,
        [before!.n],
      )
      return changes.map((change) => change.tags.toSorted())
    },
    audits: (subject) =>
      queryRows(
        cell.url,
        `select actor, action, request_id as "requestId" from audit where subject = $1 order by id`,
        [subject],
      ),
  }
}

/** A plain product, sold in every market; the number keeps its names apart. */
export function productInput(number: number) {
  return {
    handle: `kettle-${number}`,
    translations: {
      de: { name: `Kessel ${number}`, description: 'Kocht Wasser.' },
      en: { name: `Kettle ${number}`, description: 'Boils water.' },
    },
    variants: [{ sku: `KET-${number}`, prices: { EUR: 4_900 + number, USD: 5_900 + number } }],
  }
}

/** The problem of a refused call, with the pointers of the fields at fault. */
export async function problemOf(response: Response) {
  const problem = (await response.json()) as { code: string; errors?: { pointer: string }[] }
  return {
    status: response.status,
    code: problem.code,
    pointers: (problem.errors ?? []).map((error) => error.pointer),
  }
}
