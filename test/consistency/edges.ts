/**
 * The edges of a run: the first two are real workerd processes, the rest the same code in this process. Each stands
 * in a colo, whose cache it may share with another.
 */
import type { ExecutionContext } from 'hono'
import { createEdge } from '../../edge/app.ts'
import { Identities } from '../../edge/auth/identify.ts'
import { openReads } from '../../edge/cache/open-reads.ts'
import { type Bindings, readEdgeConfig } from '../../edge/config.ts'
import { edgeSecret } from '../support/keys.ts'
import { Colo } from './colo.ts'
import { startWorkerd, type Workerd } from './workerd.ts'

export interface Edge {
  readonly name: string
  /** As `fetch` does, of a path at this edge. */
  fetch(path: string, init?: RequestInit): Promise<Response>
}

type OwnEdge = ReturnType<typeof createEdge>

/** Makes an edge of this process: of the product's own parts, or with some of them replaced. */
export type EdgeMaker = (bindings: Bindings, cache: Cache, index: number) => OwnEdge

const madeByTheBook: EdgeMaker = (bindings, cache) => {
  const config = readEdgeConfig(bindings)
  return createEdge(config, openReads(config, cache), new Identities(config, cache))
}

const WORKERD_EDGES = 2

export interface EdgesOptions {
  count: number
  cellUrl: string
  folder: string
  /** The bundled Worker; `null` for a run in which every edge is of this process. */
  script: string | null
  make?: EdgeMaker
  bindings?: Partial<Bindings>
}

export class Edges {
  readonly colos: readonly Colo[]
  readonly #options: EdgesOptions
  readonly #edges: Edge[] = []
  readonly #workerds = new Map<number, Workerd>()
  #started = 0

  private constructor(options: EdgesOptions) {
    this.#options = options
    // So that some share a colo and others do not.
    const colos = Math.max(1, Math.ceil((options.count * 2) / 3))
    this.colos = Array.from(
      { length: Math.max(colos, Math.min(2, options.count)) },
      () => new Colo(),
    )
  }

  static async start(options: EdgesOptions): Promise<Edges> {
    const edges = new Edges(options)
    edges.#edges.length = options.count
    await Promise.all(Array.from({ length: options.count }, (_, index) => edges.start(index)))
    return edges
  }

  get all(): readonly Edge[] {
    return this.#edges
  }

  /** The real ones, by index. */
  get workerds(): ReadonlyMap<number, Workerd> {
    return this.#workerds
  }

  /** Starts an edge, or starts it anew with nothing in its memory, in its colo as it is. */
  async start(index: number): Promise<void> {
    const { script, cellUrl, bindings: others, make = madeByTheBook } = this.#options
    const colo = this.colos[index % this.colos.length]!
    const bindings: Bindings = {
      ENVIRONMENT: 'development',
      DEFAULT_CELL: 'eu',
      CELLS: JSON.stringify({ eu: { url: cellUrl } }),
      EDGE_SECRETS: JSON.stringify({ eu: edgeSecret }),
      ...others,
    }
    if (script === null || index >= WORKERD_EDGES) {
      this.#edges[index] = ownEdge(`own ${index}`, make(bindings, colo.cache, index))
      return
    }
    await this.#workerds.get(index)?.kill()
    this.#started += 1
    const workerd = await startWorkerd({
      folder: this.#options.folder,
      name: `edge-${index}-${this.#started}`,
      script,
      bindings: { ...bindings },
      colo: await colo.listen(),
    })
    this.#workerds.set(index, workerd)
    this.#edges[index] = {
      name: `workerd ${index}`,
      fetch: (path, init) => fetch(workerd.url + path, init),
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workerds.values()].map((workerd) => workerd.kill()))
    await Promise.all(this.colos.map((colo) => colo.close()))
  }
}

/** An edge of this process, with what it keeps alive behind its answers. */
function ownEdge(name: string, app: OwnEdge): Edge {
  const behind = new Set<Promise<unknown>>()
  const context = {
    waitUntil: (work: Promise<unknown>) => {
      const kept = work.catch(() => undefined).finally(() => behind.delete(kept))
      behind.add(kept)
    },
    passThroughOnException: () => {},
    props: {},
  } as ExecutionContext
  return {
    name,
    fetch: async (path, init) =>
      await app.fetch(new Request(`http://edge${path}`, init), {}, context),
  }
}
