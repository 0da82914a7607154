/** One run's system, put together: what a fault acts upon. */
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Bindings } from '../../edge/config.ts'
import { CellProcesses } from './cells.ts'
import { type EdgeMaker, Edges } from './edges.ts'
import { Front } from './front.ts'
import type { Postgres } from './postgres.ts'
import { type Random, randomFrom } from './random.ts'
import { RunState } from './run-state.ts'
import type { Stage } from './stage.ts'
import { truthInDatabase } from './truth.ts'

/** The part that only some runs have, such as a replica: what cells and edges are told of it. */
export interface Extra {
  readonly cell?: Readonly<Record<string, string>>
  readonly edge?: Partial<Bindings>
  /** As a fault's own. */
  run(scene: Scene): Promise<void>
  close(): Promise<void>
}

/** What a run is put together from. */
export interface SceneOptions {
  readonly edges: number
  readonly seed: number
  readonly cells: number
  /** False when every edge is of this process. */
  readonly hasWorkerds: boolean
  readonly makeEdge?: EdgeMaker | undefined
  /** Stands in the place of the cell processes. */
  readonly ownCell?: ((databaseUrl: string) => Promise<OwnCell>) | undefined
  readonly extra?: ((stage: Stage, database: string) => Promise<Extra>) | undefined
}

export interface OwnCell {
  readonly url: string
  close(): Promise<void>
}

export class Scene {
  readonly stage: Stage
  readonly database: string
  readonly cells: CellProcesses
  readonly front: Front
  readonly edges: Edges
  readonly state: RunState
  readonly random: Random
  /** How often the fault happened. */
  happened = 0
  #isHealing = false
  readonly extra: Extra | undefined
  readonly #ownCell: OwnCell | undefined

  private constructor(
    parts: Pick<
      Scene,
      'stage' | 'database' | 'cells' | 'front' | 'edges' | 'state' | 'random' | 'extra'
    > & { ownCell: OwnCell | undefined },
  ) {
    const { stage, database, cells, front, edges, state, random, extra, ownCell } = parts
    this.stage = stage
    this.database = database
    this.cells = cells
    this.front = front
    this.edges = edges
    this.state = state
    this.random = random
    this.extra = extra
    this.#ownCell = ownCell
  }

  static async open(stage: Stage, options: SceneOptions): Promise<Scene> {
    const random = randomFrom(options.seed)
    const database = await stage.copyOfShop()
    const url = stage.postgres.urlOf(database)
    const extra = await options.extra?.(stage, database)
    const front = await Front.open()
    const cells = new CellProcesses(url, { ...extra?.cell })
    const ownCell = await options.ownCell?.(url)
    const [edges, { ids }] = await Promise.all([
      Edges.start({
        count: options.edges,
        cellUrl: front.url,
        folder: stage.folder,
        script: options.hasWorkerds ? await stage.script() : null,
        ...(options.makeEdge && { make: options.makeEdge }),
        ...(extra?.edge && { bindings: extra.edge }),
      }),
      truthInDatabase(stage.postgres, database),
      ...Array.from({ length: ownCell === undefined ? options.cells : 0 }, (_, index) =>
        cells.start(index),
      ),
    ])
    front.targets = () => (ownCell === undefined ? cells.urls : [ownCell.url])
    const state = new RunState({ ids, random })
    return new Scene({ stage, database, cells, front, edges, state, random, extra, ownCell })
  }

  get postgres(): Postgres {
    return this.stage.postgres
  }

  /** The run's time is up: a fault that sees it puts everything right and returns. */
  get isHealing(): boolean {
    return this.#isHealing
  }

  startHealing(): void {
    this.#isHealing = true
  }

  /** A random rest of so many milliseconds, cut short when the run's time is up. */
  async rest(from: number, to: number): Promise<void> {
    const untilMs = performance.now() + from + this.random.below(to - from + 1)
    while (!this.isHealing && performance.now() < untilMs) {
      await delay(Math.max(0, Math.min(50, untilMs - performance.now())))
    }
  }

  /** Does something again and again, with rests between, until the run's time is up. */
  async repeatedly(restMs: readonly [number, number], act: () => Promise<void>): Promise<void> {
    for (;;) {
      await this.rest(restMs[0], restMs[1])
      if (this.isHealing) return
      await act()
      this.happened += 1
    }
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
    return await this.postgres.query<Row>(this.database, text, values)
  }

  async close(): Promise<void> {
    await this.edges.close()
    await this.front.close()
    await this.cells.close()
    await this.#ownCell?.close()
    await this.extra?.close()
    await this.stage.drop(this.database)
  }
}
