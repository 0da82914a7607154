/** Records a walk through a running system: each step's request, where it was answered, and what it should have been. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ResponseMeta } from '../../shared/client/create-client.ts'
import { HEADERS } from '../../shared/headers.ts'

export interface WalkedStep {
  readonly name: string
  readonly request: string
  readonly status: number
  readonly cacheStatus: string | null
  readonly cell: string | null
  readonly ms: number
  /** What was expected and is not so; `null` when all is well. */
  readonly fault: string | null
}

type Seen = Pick<WalkedStep, 'request' | 'status' | 'cacheStatus' | 'cell' | 'ms'>
const ASK_EVERY_MS = 20
const ASK_MS_MAX = 10_000
const NOTHING_SEEN: Seen = { request: '', status: 0, cacheStatus: null, cell: null, ms: 0 }

export class Walk {
  readonly steps: WalkedStep[] = []
  readonly #onStep: (step: WalkedStep) => void
  #seen: Seen = NOTHING_SEEN
  #request = ''

  constructor(onStep: (step: WalkedStep) => void) {
    this.#onStep = onStep
  }

  /** For the client: remembers what was asked. */
  readonly fetch: typeof fetch = (input, init) => {
    this.#request = requestLine(init?.method, input)
    return fetch(input, init)
  }

  /** For the client: remembers what was answered. */
  readonly onResponse = ({ status, cacheStatus, cell, ms }: ResponseMeta): void => {
    this.#seen = { request: this.#request, status, cacheStatus, cell, ms }
  }

  /** A request that the client does not make, such as one that expects a 304. */
  async send(url: string, init: RequestInit = {}): Promise<Response> {
    const startedAt = performance.now()
    const response = await fetch(url, init)
    const body = await response.arrayBuffer()
    this.#seen = {
      request: requestLine(init.method, url),
      status: response.status,
      cacheStatus: response.headers.get(HEADERS.cacheStatus),
      cell: response.headers.get(HEADERS.cell),
      ms: performance.now() - startedAt,
    }
    return new Response(body.byteLength === 0 ? null : body, response)
  }

  /**
   * Makes a request again and again until its answer is what is looked for. The step then took from the first of them until that
   * answer.
   *
   * @returns what `look` made of the answer, or `null` when it did not come in `ASK_MS_MAX`.
   */
  async sendUntil<T>(
    url: string,
    look: (response: Response) => T | null | Promise<T | null>,
    init: RequestInit = {},
  ): Promise<T | null> {
    const startedAt = performance.now()
    for (;;) {
      const found = await look(await this.send(url, init))
      const ms = performance.now() - startedAt
      this.#seen = { ...this.#seen, ms }
      if (found !== null || ms >= ASK_MS_MAX) return found
      await delay(ASK_EVERY_MS)
    }
  }

  /**
   * Makes one step.
   *
   * @param act makes one request and returns what is wrong with its answer, or `null`.
   */
  async step(name: string, act: () => Promise<string | null>): Promise<void> {
    this.#seen = NOTHING_SEEN
    const fault = await act().catch((error: unknown) => String(error))
    const step = { name, ...this.#seen, ms: Math.round(this.#seen.ms * 10) / 10, fault }
    this.steps.push(step)
    this.#onStep(step)
  }

  /** Whether the last answer came from a cache, in words; `null` when it did. */
  missed(): string | null {
    return /;\s*hit\b/.test(this.#seen.cacheStatus ?? '') ? null : 'was not answered from a cache'
  }
}

function requestLine(method: string | undefined, input: RequestInfo | URL): string {
  const { pathname, search } = new URL(input instanceof Request ? input.url : input)
  return `${(method ?? 'GET').toUpperCase()} ${pathname}${search}`
}
