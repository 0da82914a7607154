/**
 * The edge as it is, with a door through which its memory is filled: `/fill` reads the product it is asked with once
 * from the cell, and then so many others that differ from it in their names alone. `/collect` collects garbage.
 */
import { createEdge } from '../../../edge/app.ts'
import { Identities } from '../../../edge/auth/identify.ts'
import { openReads } from '../../../edge/cache/open-reads.ts'
import { type Bindings, readEdgeConfig } from '../../../edge/config.ts'
import type { Fetched, Origin } from '../../../shared/freshness/cached-reads.ts'
import type { Entry } from '../../../shared/freshness/entry.ts'

const STALE_SECONDS = 86_400
/** Stands in for the Cache API, whose entries are not the isolate's. */
const NO_CACHE = {
  match: async () => undefined,
  put: async () => undefined,
} as unknown as Cache

/** workerd was started with `--expose-gc`. */
declare const gc: () => void

type Opened = { edge: ReturnType<typeof createEdge>; reads: ReturnType<typeof openReads> }
let opened: Opened | undefined

export default {
  async fetch(request, env, context) {
    opened ??= open(env)
    const url = new URL(request.url)
    if (url.pathname === '/collect') return collected()
    if (url.pathname !== '/fill') return await opened.edge.fetch(request, env, context)
    await fill(opened.reads, url.searchParams, context)
    return Response.json({ bytes: opened.reads.memory.bytes, entries: opened.reads.memory.size })
  },
} satisfies ExportedHandler<Bindings>

function collected(): Response {
  gc()
  return Response.json('collected')
}

function open(env: Bindings): Opened {
  const config = readEdgeConfig(env)
  const reads = openReads(config, NO_CACHE)
  return { edge: createEdge(config, reads, new Identities(config, caches.default)), reads }
}

/** @param asked `key` of the entry to copy, and `from` and `to`, the numbers of its copies. */
async function fill(
  { reads, origin }: Opened['reads'],
  asked: URLSearchParams,
  context: ExecutionContext,
): Promise<void> {
  const wait = (work: Promise<unknown>) => context.waitUntil(work)
  const key = asked.get('key')!
  const common = { position: null, staleIfErrorSeconds: STALE_SECONDS }
  const first = await reads.read({ key, origin, ...common }, wait)
  if (first.kind !== 'entry') throw new Error('there is nothing to copy')
  for (let copy = Number(asked.get('from')); copy < Number(asked.get('to')); copy += 1) {
    const numbered = { key: `${key}&copy=${copy}`, origin: copiesOf(first.entry, copy), ...common }
    await reads.read(numbered, wait)
    // Memory counts what is asked for again.
    reads.fromMemory(numbered, wait)
  }
}

function copiesOf(entry: Entry, copy: number): Origin {
  const fetched: Fetched = {
    kind: 'entry',
    entry: {
      ...entry,
      body: entry.body.slice(),
      etag: entry.etag && `"${copy}-${entry.etag.slice(1)}`,
      tags: entry.tags.map((tag) => `${tag}-${copy}`),
    },
    renewed: false,
    shielded: false,
  }
  return { fetch: async () => fetched }
}
