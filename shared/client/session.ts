/**
 * A session as its client keeps it: gives each call a good access token, and fetches the next one before the last
 * expires or when it was refused, once for all the calls that wait for it.
 */
import type { SignedIn } from '../contracts/identity.ts'
import { ConnectionError, ProblemError, UnexpectedAnswerError } from './errors.ts'

/** What a sign-in or a refresh brought, as far as it must be kept. A refresh token alone is enough to go on with. */
export type SessionTokens = Pick<SignedIn, 'refreshToken'> &
  Partial<Pick<SignedIn, 'accessToken' | 'expiresInSeconds'>>

/** Fetched anew so long before it expires, so that it does not do so on the way. */
const RENEW_BEFORE_MS = 30_000
/** A lost answer is asked for again at once: the cell gives the same end to a repeat that comes soon. */
const ATTEMPTS_MAX = 3

export class Session {
  readonly #onChange: (tokens: SessionTokens | null) => void
  readonly #now: () => number
  #tokens: SessionTokens | null = null
  #goodUntilMs = Number.NEGATIVE_INFINITY
  #renewing: Promise<string | undefined> | null = null

  /** @param options.onChange keeps the tokens where a reload finds them; `null` when the session has ended. */
  constructor(
    options: {
      tokens?: SessionTokens | undefined
      onChange?: (tokens: SessionTokens | null) => void
      now?: () => number
    } = {},
  ) {
    this.#onChange = options.onChange ?? (() => {})
    this.#now = options.now ?? (() => performance.now())
    // Of an access token that was kept it is not known how old it is.
    if (options.tokens !== undefined) this.#tokens = { refreshToken: options.tokens.refreshToken }
  }

  get isSignedIn(): boolean {
    return this.#tokens !== null
  }

  /** Takes what a sign-in answered with. */
  begin(tokens: SessionTokens): void {
    this.#tokens = tokens
    const lifeMs = (tokens.expiresInSeconds ?? 0) * 1_000
    this.#goodUntilMs = this.#now() + lifeMs - RENEW_BEFORE_MS
    this.#onChange(tokens)
  }

  /** Forgets the tokens. Signing out is a call of its own, which comes first. */
  end(): void {
    this.#tokens = null
    this.#onChange(null)
  }

  /** A good access token; `undefined` for who is not signed in. */
  async token(refresh: Refresh): Promise<string | undefined> {
    if (this.#tokens === null) return undefined
    const { accessToken } = this.#tokens
    if (accessToken !== undefined && this.#now() < this.#goodUntilMs) return accessToken
    return await this.#renew(refresh)
  }

  /** True when there is another token to try in the place of one that was refused. */
  async renewed(refused: string | undefined, refresh: Refresh): Promise<boolean> {
    if (refused === undefined || this.#tokens === null) return false
    if (this.#tokens.accessToken !== refused) return true
    return (await this.#renew(refresh)) !== undefined
  }

  #renew(refresh: Refresh): Promise<string | undefined> {
    this.#renewing ??= this.#refreshed(refresh).finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  async #refreshed(refresh: Refresh): Promise<string | undefined> {
    const { refreshToken } = this.#tokens!
    for (let attempt = 1; ; attempt += 1) {
      try {
        const tokens = await refresh(refreshToken)
        if (this.#isHeld(refreshToken)) this.begin(tokens)
        return this.#tokens?.accessToken
      } catch (failure) {
        const isOver = failure instanceof ProblemError && failure.code === 'refresh.refused'
        if (!this.#isHeld(refreshToken)) return this.#tokens?.accessToken
        if (isOver) this.end()
        if (!isUnanswered(failure) || attempt >= ATTEMPTS_MAX) throw failure
      }
    }
  }

  /** False once the session was ended, or another begun, while its answer was on the way. */
  #isHeld(refreshToken: string): boolean {
    return this.#tokens?.refreshToken === refreshToken
  }
}

/** Of somebody between, or of none: the cell may have given the next token, which no one has seen. */
function isUnanswered(failure: unknown): boolean {
  if (failure instanceof ProblemError) return failure.code === 'cell.unavailable'
  if (failure instanceof UnexpectedAnswerError) return failure.status >= 500
  return failure instanceof ConnectionError
}

/** Calls `identity.refreshSession`. */
export type Refresh = (refreshToken: string) => Promise<SessionTokens>
