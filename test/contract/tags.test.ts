/**
 * The protocol is only as right as its tags. Every cached contract is kept warm while every contract that writes is
 * used; after each write, an answer that the protocol would still serve must be what the cell would answer now.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modules } from '../../regional/modules/index.ts'
import { batchAfter } from '../../regional/platform/feed.ts'
import { UpdateProduct, updateCategory } from '../../shared/contracts/catalog.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { UpdatePriceList } from '../../shared/contracts/price-lists.ts'
import { type Entry, entryFromCell } from '../../shared/freshness/entry.ts'
import { Knowledge } from '../../shared/freshness/knowledge.ts'
import { type CatalogCell, startCatalogCell } from '../regional/catalog/fixtures.ts'
import { runReactions } from '../support/reactions.ts'
import { followingPages, READS } from './catalogue-reads.ts'
import { openedShop, type Shop, WRITES } from './writes.ts'

let cell: CatalogCell
let shop: Shop

beforeAll(async () => {
  cell = await startCatalogCell()
  shop = await openedShop(cell)
  await runReactions(cell)
})

afterAll(() => cell?.close())

describe('the test of tags covers', () => {
  it('every cached contract', () => {
    const cached = allEndpoints().filter(({ endpoint }) => endpoint.serve.kind === 'cached')
    expect(Object.keys(READS).sort()).toEqual(cached.map(({ id }) => id).sort())
    for (const paths of Object.values(READS)) expect(paths.length).toBeGreaterThan(0)
  })

  it('every contract that writes', () => {
    const writing = allEndpoints().filter(
      ({ endpoint }) => endpoint.serve.kind !== 'cached' && endpoint.method !== 'get',
    )
    const exercised = new Set(WRITES.map(({ contract }) => contract))
    expect([...exercised].sort()).toEqual(writing.map(({ id }) => id).sort())
  })

  it('every field that an update can change', () => {
    expect(fieldsOf('catalog.updateProduct')).toEqual(Object.keys(UpdateProduct.shape).sort())
    const { shape } = updateCategory.request.body
    expect(fieldsOf('catalog.updateCategory')).toEqual(Object.keys(shape).sort())
    expect(fieldsOf('catalog.updatePriceList')).toEqual(Object.keys(UpdatePriceList.shape).sort())
  })

  it('a state of stock that a sale crosses, and every reaction', () => {
    const reactions = modules.flatMap((module) => module.reactions)
    // Of these, only `show-availability` changes what is cached.
    const names = reactions.map(({ name }) => name)
    expect(names.sort()).toEqual(['mail-account-link', 'send-email', 'show-availability'])
  })
})

function fieldsOf(contract: string): string[] {
  const writes = WRITES.filter((write) => write.contract === contract)
  return [...new Set(writes.flatMap(({ fields = [] }) => fields))].sort()
}

async function read(path: string): Promise<Entry> {
  const entry = await entryFromCell(await cell.call('get', path), { atMs: 0, renewed: null })
  if (entry === null) throw new Error(`the answer to ${path} cannot be cached`)
  return entry
}

/** Every answer as the cell gives it now, past any cache. */
async function readAll(paths: readonly string[]): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>()
  for (const path of paths) entries.set(path, await read(path))
  return entries
}

/** An edge that knows every change and has every answer in its cache. */
class WarmCache {
  readonly #knowledge = new Knowledge()
  readonly #entries = new Map<string, Entry>()
  readonly #forgotten: string | null
  spared = 0
  dropped = 0
  faults = 0

  /** @param forgotten the beginning of tags that its entries lose, for a cache that must be found wrong. */
  constructor(forgotten: string | null = null) {
    this.#forgotten = forgotten
  }

  async warm(answers: ReadonlyMap<string, Entry>): Promise<void> {
    await this.#learn()
    for (const [path, entry] of answers) this.#keep(path, entry)
  }

  /** What would be served and is wrong; what may not be served is taken anew. */
  async faultsIn(what: string, answers: ReadonlyMap<string, Entry>): Promise<unknown[]> {
    await this.#learn()
    const faults: unknown[] = []
    for (const [path, now] of answers) {
      const entry = this.#entries.get(path)!
      if (!this.#knowledge.isFresh(entry)) {
        this.dropped += 1
        this.#keep(path, now)
        continue
      }
      this.spared += 1
      entry.stamp = Math.max(entry.stamp, this.#knowledge.n)
      const served = shown(entry)
      if (served === shown(now)) continue
      faults.push({ what, path, tags: entry.tags, served, now: shown(now) })
    }
    this.faults += faults.length
    return faults
  }

  #keep(path: string, entry: Entry): void {
    const forgotten = this.#forgotten
    const tags = entry.tags.filter((tag) => forgotten === null || !tag.startsWith(forgotten))
    this.#entries.set(path, { ...entry, tags })
  }

  async #learn(): Promise<void> {
    const { history, n } = this.#knowledge
    const from = history === null ? null : n
    const batch = await batchAfter(cell.services.db, { feed: 'catalogue', from })
    expect(this.#knowledge.apply(batch)).toBe('applied')
    expect(batch.cut).toBe(false)
  }
}

function shown({ status, etag, contentType, body }: Entry): string {
  return `${status} ${etag} ${contentType}\n${new TextDecoder().decode(body)}`
}

describe('an answer that is still served', () => {
  const cache = new WarmCache()
  const wrong = ['product:', 'handle:', 'category:', 'products', 'categories'].map((forgotten) => {
    return { forgotten, cache: new WarmCache(forgotten) }
  })
  let paths: string[]

  beforeAll(async () => {
    paths = [...Object.values(READS).flat(), ...(await followingPages(cell))]
    const answers = await readAll(paths)
    for (const each of [cache, ...wrong.map((one) => one.cache)]) await each.warm(answers)
  })

  async function expectRight(what: string): Promise<void> {
    const answers = await readAll(paths)
    expect(await cache.faultsIn(what, answers)).toEqual([])
    for (const each of wrong) await each.cache.faultsIn(what, answers)
  }

  it.each(WRITES.map((write) => [`${write.contract}: ${write.what}`, write] as const))(
    'is right after %s',
    async (name, write) => {
      await write.run(shop)
      await expectRight(name)
      if ((await runReactions(cell)) > 0) await expectRight(`${name}, and its reactions`)
    },
  )

  it('survives most writes, and none of this was empty', () => {
    expect(cache.dropped).toBeGreaterThan(WRITES.length)
    expect(cache.spared).toBeGreaterThan(cache.dropped)
  })

  it.each(wrong.map(({ forgotten }) => forgotten))(
    'would have been found wrong without its tags %s',
    (forgotten) => {
      const one = wrong.find((each) => each.forgotten === forgotten)!
      expect(one.cache.faults).toBeGreaterThan(0)
    },
  )
})
