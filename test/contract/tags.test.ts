/**
 * The protocol is only as right as its tags. Every cached contract is kept warm while every contract that writes is
 * used; after each write, an answer that the protocol would still serve must be what the cell would answer now.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modules } from '../../regional/modules/index.ts'
import { batchAfter } from '../../regional/platform/feed.ts'
import type { StoredEvent } from '../../regional/platform/implement.ts'
import { type CreateCategory, UpdateProduct } from '../../shared/contracts/catalog.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { type Entry, entryFromCell } from '../../shared/freshness/entry.ts'
import { Knowledge } from '../../shared/freshness/knowledge.ts'
import { type CatalogCell, startCatalogCell } from '../regional/catalog/fixtures.ts'
import { queryRows } from '../support/database.ts'
import { followingPages, READS } from './catalogue-reads.ts'
import { openedShop, type Shop, WRITES, type Write } from './writes.ts'

/** Fields that only a creation sets. */
const CATEGORY_FIELDS = [
  'position',
  'translations',
] as const satisfies readonly (keyof (typeof CreateCategory)['shape'])[]

let cell: CatalogCell
let shop: Shop

beforeAll(async () => {
  cell = await startCatalogCell()
  shop = await openedShop(cell)
  await runReactions()
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
    expect(fieldsOf('catalog.updateCategory')).toEqual([...CATEGORY_FIELDS])
  })

  it('a state of stock that a sale crosses, and every reaction', () => {
    const reactions = modules.flatMap((module) => module.reactions)
    expect(reactions.map(({ name }) => name)).toEqual(['show-availability'])
  })
})

function fieldsOf(contract: string): string[] {
  const fields = WRITES.filter((write) => write.contract === contract).map(({ field }) => field!)
  return [...new Set(fields)].sort()
}

/** Hands every event that waits to its reactions, as the dispatcher would. */
async function runReactions(): Promise<number> {
  const events = await queryRows<StoredEvent>(
    cell.url,
    `update outbox set dispatched_at = now() where dispatched_at is null
     returning id, type, subject, payload`,
  )
  let run = 0
  for (const event of events) {
    for (const module of modules) {
      for (const reaction of module.reactions.filter(({ on }) => on === event.type)) {
        await reaction.run(cell.services, event)
        run += 1
      }
    }
  }
  return run
}

async function read(path: string): Promise<Entry> {
  const entry = await entryFromCell(await cell.call('get', path), null)
  if (entry === null) throw new Error(`the answer to ${path} cannot be cached`)
  return entry
}

/** An edge that knows every change and has every answer in its cache. */
class WarmCache {
  readonly #knowledge = new Knowledge()
  readonly #entries = new Map<string, Entry>()
  spared = 0
  dropped = 0

  async warm(paths: readonly string[]): Promise<void> {
    await this.#learn()
    for (const path of paths) this.#entries.set(path, await read(path))
  }

  /** What would be served and is wrong; what may not be served is read again. */
  async faultsAfter(what: string): Promise<unknown[]> {
    await this.#learn()
    const faults: unknown[] = []
    for (const [path, entry] of this.#entries) {
      const now = await read(path)
      if (!this.#knowledge.isFresh(entry)) {
        this.dropped += 1
        this.#entries.set(path, now)
        continue
      }
      this.spared += 1
      entry.stamp = Math.max(entry.stamp, this.#knowledge.n)
      const served = shown(entry)
      const true_ = shown(now)
      if (served !== true_) faults.push({ what, path, tags: entry.tags, served, now: true_ })
    }
    return faults
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

function nameOf({ contract, field, what }: Write): string {
  return `${contract}${field === undefined || field === what ? '' : ` ${field}`}: ${what}`
}

describe('an answer that is still served', () => {
  const cache = new WarmCache()

  beforeAll(async () => {
    await cache.warm(Object.values(READS).flat())
    await cache.warm(await followingPages(cell))
  })

  it.each(WRITES.map((write) => [nameOf(write), write] as const))(
    'is right after %s',
    async (name, write) => {
      await write.run(shop)
      expect(await cache.faultsAfter(name)).toEqual([])
      const reacted = await runReactions()
      if (reacted > 0) expect(await cache.faultsAfter(`${name}, and its reactions`)).toEqual([])
    },
  )

  it('survives most writes, and none of this was empty', () => {
    expect(cache.dropped).toBeGreaterThan(WRITES.length)
    expect(cache.spared).toBeGreaterThan(cache.dropped)
  })
})
