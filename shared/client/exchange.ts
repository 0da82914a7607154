/** One call of the client: its attempts, the waits between them, and what each answer teaches. */
import { facts } from '../contracts/facts.generated.ts'
import type { EndpointFacts } from '../contracts/facts.ts'
import { HEADERS } from '../headers.ts'
import { ConnectionError, ProblemError, readAnswer } from './errors.ts'
import type { PositionMemory } from './position-memory.ts'
import { type CallParts, requestOf, type WrittenRequest } from './request-of.ts'
import {
  delay,
  isPassing,
  isRepeatable,
  isUndone,
  RETRY_LIMITS,
  type RetryLimits,
  waitMsAfter,
} from './retry.ts'
import type { Session, SessionTokens } from './session.ts'

/** What one attempt's answer says beside its body. */
export interface ResponseMeta {
  /** `catalog.getProduct`. */
  readonly id: string
  readonly attempt: number
  readonly status: number
  readonly headers: Headers
  /** The `Cache-Status` header: where the answer came from. */
  readonly cacheStatus: string | null
  readonly cell: string | null
  /** From sending to the whole body. */
  readonly ms: number
}

export type Token = string | (() => string | undefined | Promise<string | undefined>)

export interface ClientOptions {
  readonly baseUrl: string
  /** Asked for every attempt when it is a function, so it may renew. */
  readonly token?: Token | undefined
  /** Of who signs in: its tokens are sent, and renewed when they must be. */
  readonly session?: Session | undefined
  readonly cartSecret?: string | null | undefined
  /** Sent with every call that takes them and does not name its own. */
  readonly market?: string | undefined
  readonly locale?: string | undefined
  /** `Tradewind-Position` of an earlier client, such as one before a page was reloaded. */
  readonly position?: string | undefined
  readonly onResponse?: (meta: ResponseMeta) => void
  readonly retries?: Partial<RetryLimits>
  readonly fetch?: typeof fetch
  /** What time and chance are taken from. */
  readonly delay?: typeof delay
  readonly random?: () => number
  readonly now?: () => number
}

/** What one call may say instead of its client. */
export interface CallOptions {
  readonly token?: Token | undefined
  readonly cartSecret?: string | null | undefined
  readonly idempotencyKey?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onResponse?: (meta: ResponseMeta) => void
}

const REFRESH = facts.find(({ id }) => id === 'identity.refreshSession')!

/** One call, over as many attempts as it takes. */
export class Exchange {
  readonly #options: ClientOptions
  readonly #facts: EndpointFacts
  readonly #call: CallParts & CallOptions
  readonly #memory: PositionMemory
  readonly #limits: RetryLimits
  readonly #now: () => number
  /** One for all attempts: it is what makes the repeat harmless. */
  readonly #idempotencyKey: string | undefined

  constructor(
    options: ClientOptions,
    endpoint: EndpointFacts,
    call: CallParts & CallOptions,
    memory: PositionMemory,
  ) {
    this.#options = options
    this.#facts = endpoint
    this.#call = call
    this.#memory = memory
    this.#limits = { ...RETRY_LIMITS, ...options.retries }
    this.#now = options.now ?? (() => performance.now())
    const creates = endpoint.serve.kind === 'forward' && endpoint.serve.creates
    this.#idempotencyKey = creates ? (call.idempotencyKey ?? crypto.randomUUID()) : undefined
  }

  /**
   * @throws {ProblemError} when the service refuses, or goes on failing.
   * @throws {UnexpectedAnswerError} for an answer that is not the service's.
   * @throws {ConnectionError} when no attempt was answered.
   * @throws the signal's reason, once it is aborted.
   */
  async run(): Promise<unknown> {
    const { delay: wait = delay, random = Math.random } = this.#options
    const { attemptsMax, totalMsMax } = this.#limits
    const { signal } = this.#call
    const startedMs = this.#now()
    let mayRenew = true
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted()
      const token = await this.#token()
      const written = this.#written(token)
      try {
        return await this.#attempt(written, attempt)
      } catch (failure) {
        if (mayRenew && (await this.#isRenewed(failure, token))) {
          mayRenew = false
          continue
        }
        if (!isPassing(failure)) throw failure
        if (!isRepeatable(this.#facts) && !isUndone(failure)) throw failure
        const waitMs = waitMsAfter(attempt, failure, random)
        const isLate = this.#now() - startedMs + waitMs >= totalMsMax
        if (attempt >= attemptsMax || isLate) throw failure
        await wait(waitMs, signal)
      }
    }
  }

  async #token(): Promise<string | undefined> {
    const { session } = this.#options
    const token = this.#call.token ?? this.#options.token
    if (token !== undefined) return typeof token === 'function' ? await token() : token
    return await session?.token(this.#refresh).catch((failure: unknown) => {
      if (this.#isOverForGuest(failure)) return undefined
      throw failure
    })
  }

  /** A session that has ended keeps nobody from what is everybody's, such as signing in again. */
  #isOverForGuest(failure: unknown): boolean {
    const isOver = failure instanceof ProblemError && failure.code === 'refresh.refused'
    return isOver && this.#facts.access === 'public'
  }

  /** True when a refused token of the session has been replaced, so that the call may be made again. */
  async #isRenewed(failure: unknown, token: string | undefined): Promise<boolean> {
    const isRefused = failure instanceof ProblemError && failure.code === 'token.refused'
    const isOwn = (this.#call.token ?? this.#options.token) === undefined
    const { session } = this.#options
    if (!isRefused || !isOwn || session === undefined) return false
    return await session.renewed(token, this.#refresh).catch((over: unknown) => {
      if (this.#isOverForGuest(over)) return true
      throw over
    })
  }

  readonly #refresh = async (refreshToken: string): Promise<SessionTokens> => {
    const { session: _, token: __, ...options } = this.#options
    const body = { refreshToken }
    const exchange = new Exchange(options, REFRESH, { body }, this.#memory)
    return (await exchange.run()) as SessionTokens
  }

  #written(token: string | undefined): WrittenRequest {
    const { market, locale } = this.#options
    const { params, query, body } = this.#call
    return requestOf(
      this.#options.baseUrl,
      this.#facts,
      {
        ...(params === undefined ? {} : { params }),
        query: { market, locale, ...query },
        body: body ?? this.#emptyBody(),
      },
      {
        token,
        cartSecret: this.#call.cartSecret ?? this.#options.cartSecret,
        idempotencyKey: this.#idempotencyKey,
        position: this.#memory.value ?? undefined,
        headers: this.#call.headers,
      },
    )
  }

  /** A creating call whose members all have defaults may be made without a body; the contract wants one. */
  #emptyBody(): object | undefined {
    return this.#idempotencyKey === undefined ? undefined : {}
  }

  async #attempt(written: WrittenRequest, attempt: number): Promise<unknown> {
    const startedMs = this.#now()
    const { response, body } = await this.#send(written, attempt)
    this.#memory.learn(response.headers.get(HEADERS.position))
    this.#report(response, attempt, this.#now() - startedMs)
    return readAnswer(response, body)
  }

  async #send({ url, init }: WrittenRequest, attempt: number) {
    const send = this.#options.fetch ?? fetch
    const deadline = AbortSignal.timeout(this.#limits.attemptMsMax)
    const { signal } = this.#call
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    try {
      const response = await send(url, { ...init, signal: either })
      return { response, body: await response.text() }
    } catch (cause) {
      signal?.throwIfAborted()
      const message = `${this.#facts.id} got no answer in ${attempt} attempt(s)`
      throw new ConnectionError(message, { cause })
    }
  }

  #report({ status, headers }: Response, attempt: number, ms: number): void {
    const cacheStatus = headers.get(HEADERS.cacheStatus)
    const cell = headers.get(HEADERS.cell)
    const meta = { id: this.#facts.id, attempt, status, headers, cacheStatus, cell, ms }
    this.#options.onResponse?.(meta)
    this.#call.onResponse?.(meta)
  }
}
