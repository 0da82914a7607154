/**
 * The one catalogue of problems (RFC 9457): a code decides status and title everywhere.
 *
 * A `Problem` is an expected outcome, safe to send; its `cause` is kept for logs and never sent.
 */

export const PROBLEMS = {
  'request.malformed': [400, 'The request cannot be read'],
  'request.invalid': [400, 'The request has invalid fields'],
  'request.too_large': [413, 'The request is too large'],
  'request.unsupported_type': [415, 'The body must be application/json'],
  'request.unsigned': [401, 'The request does not come from a trusted edge'],
  'idempotency.key_required': [400, 'An Idempotency-Key header is required'],
  'idempotency.reused': [422, 'The Idempotency-Key was used with another request'],
  'idempotency.running': [409, 'A request with this Idempotency-Key is still running'],
  'token.refused': [401, 'The access token is refused'],
  'access.denied': [403, 'The caller may not do this'],
  'credentials.refused': [401, 'The credentials are refused'],
  'refresh.refused': [401, 'The session has ended'],
  'account.unknown': [404, 'The account is not known'],
  'account.state_conflict': [409, 'The account is not in a state that allows this'],
  'link.refused': [410, 'The link has expired or was used'],
  'session.unknown': [404, 'The session is not known'],
  'factor.present': [409, 'There is a second factor already'],
  'factor.absent': [409, 'There is no second factor'],
  'address.unknown': [404, 'The address is not known'],
  'address.too_many': [409, 'There are as many addresses as there may be'],
  'group.unknown': [404, 'The customer group is not known'],
  'group.in_use': [409, 'Somebody is in the customer group'],
  'role.unknown': [404, 'The role is not known'],
  'role.in_use': [409, 'The role is built in, or somebody has it'],
  'invitation.unknown': [404, 'The invitation is not known'],
  'staff.last_owner': [409, 'The last owner cannot be removed'],
  'route.unknown': [404, 'There is nothing at this address'],
  'method.not_allowed': [405, 'The method is not allowed here'],
  'market.unknown': [404, 'The market is not known'],
  'locale.unknown': [404, 'The market does not speak this locale'],
  'product.unknown': [404, 'The product is not known'],
  'product.handle_taken': [409, 'Another product has this handle'],
  'product.not_publishable': [409, 'The product lacks what publishing needs'],
  'product.state_conflict': [409, 'The product is not in a state that allows this'],
  'variant.unknown': [404, 'The variant is not known'],
  'variant.sku_taken': [409, 'Another variant has this SKU'],
  'category.unknown': [404, 'The category is not known'],
  'category.handle_taken': [409, 'Another category has this handle'],
  'pricelist.unknown': [404, 'The price list is not known'],
  'pricelist.handle_taken': [409, 'Another price list has this handle'],
  'pricelist.too_many': [409, 'More price lists or prices than may apply'],
  'inventory.insufficient': [409, 'There is not enough stock'],
  'inventory.version_conflict': [409, 'The stock level changed since it was read'],
  'cart.unknown': [404, 'The cart is not known'],
  'cart.closed': [409, 'The cart can no longer be changed'],
  'cart.empty': [409, 'The cart has no lines'],
  'cart.too_many_lines': [409, 'The cart has too many lines'],
  'cart.quantity_exceeded': [409, 'The cart holds too many of one item'],
  'price.changed': [409, 'The total changed since it was shown'],
  'order.unknown': [404, 'The order is not known'],
  'payment.declined': [402, 'The payment was declined'],
  'limit.exceeded': [429, 'Too many requests'],
  'cell.overloaded': [503, 'The service is busy'],
  'cell.unavailable': [503, 'The service cannot be reached'],
  internal: [500, 'Something went wrong'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof PROBLEMS

/** One field at fault: `pointer` is an RFC 6901 JSON pointer into the named part of the request. */
export interface FieldError {
  in: 'body' | 'query' | 'params' | 'header'
  pointer: string
  detail: string
}

export interface ProblemDetails {
  type: string
  code: ProblemCode
  title: string
  status: number
  detail?: string
  requestId?: string
  errors?: FieldError[]
  [extension: string]: unknown
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly errors: FieldError[] | undefined
  /** Members that help the caller act, such as the new total. Never personal data of others. */
  readonly extensions: Record<string, unknown>
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    options: {
      detail?: string
      errors?: FieldError[]
      extensions?: Record<string, unknown>
      retryAfterSeconds?: number
      cause?: unknown
    } = {},
  ) {
    super(options.detail ?? PROBLEMS[code][1], { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.detail = options.detail
    this.errors = options.errors
    this.extensions = options.extensions ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  /** The problem that a document describes. */
  static fromDetails(details: ProblemDetails): Problem {
    const { type, code, title, status, requestId, detail, errors, ...extensions } = details
    return new Problem(code, {
      ...(detail === undefined ? {} : { detail }),
      ...(errors === undefined ? {} : { errors }),
      extensions,
    })
  }

  get status(): number {
    return PROBLEMS[this.code][0]
  }

  toDetails(requestId?: string): ProblemDetails {
    return {
      type: `https://tradewind.dev/problems/${this.code}`,
      code: this.code,
      title: PROBLEMS[this.code][1],
      status: this.status,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(requestId === undefined ? {} : { requestId }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...this.extensions,
    }
  }

  /** The response that carries this problem. 503 and 429 always say when to come back. */
  toResponse(requestId?: string): Response {
    const headers = new Headers({
      'content-type': PROBLEM_CONTENT_TYPE,
      'cache-control': 'no-store',
    })
    const patient = this.status === 503 || this.status === 429
    const seconds = this.retryAfterSeconds ?? (patient ? 1 : undefined)
    if (seconds !== undefined) headers.set('retry-after', String(seconds))
    if (this.status === 401) headers.set('www-authenticate', 'Bearer')
    return new Response(JSON.stringify(this.toDetails(requestId)), { status: this.status, headers })
  }
}

/** Names one field at fault. */
export function invalidField(
  place: FieldError['in'],
  pointer: string,
  detail: string,
  code: ProblemCode = 'request.invalid',
): Problem {
  return new Problem(code, { detail, errors: [{ in: place, pointer, detail }] })
}

/** True for every code a problem document may carry. */
export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(PROBLEMS, value)
}
