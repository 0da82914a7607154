/** The parts of the OpenAPI document that no contract declares: headers, security, and the shape of a problem. */
import type { JsonSchema } from './schemas.ts'

// Without an example: the reference page would send it, and it would be a position that nobody was given.
const position = { type: 'string', maxLength: 256, pattern: '^catalogue=\\d+;h=.+$' }

export const parameters: Record<string, JsonSchema> = {
  Position: {
    name: 'Tradewind-Position',
    in: 'header',
    required: false,
    description: 'The newest change the caller has seen or made; no answer is older than it.',
    schema: position,
  },
  PositionQuery: {
    name: 'position',
    in: 'query',
    required: false,
    description:
      'The same without a header, and so without a CORS preflight. Never part of a cache key.',
    schema: position,
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    description:
      'Made by the caller, one a request; a repeat with the same body gets the first answer.',
    schema: { type: 'string', minLength: 16, maxLength: 128, pattern: '^[\\x21-\\x7e]+$' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The `ETag` of the copy the caller holds.',
    schema: { type: 'string' },
  },
}

export const headers: Record<string, JsonSchema> = {
  'Tradewind-Position': {
    description: 'The newest change this answer knows, to be sent with the next request.',
    schema: position,
  },
  'Tradewind-Request-Id': {
    description: 'Names this request in our logs.',
    schema: { type: 'string' },
  },
  ETag: { description: 'Strong validator of the answer’s bytes.', schema: { type: 'string' } },
  'Cache-Status': {
    description: 'Where the answer came from (RFC 9211).',
    schema: { type: 'string', examples: ['tradewind; hit'] },
  },
  'Retry-After': {
    description: 'Seconds to wait before the next attempt.',
    schema: { type: 'integer', minimum: 0 },
  },
}

/** Of endpoints that are limited by address and account. */
export const limitHeaders: Record<string, JsonSchema> = {
  RateLimit: {
    description:
      'What is left of the limit that is nearer to its end, and in how many seconds there is one more try.',
    schema: { type: 'string', examples: ['"sign-in";r=4;t=30'] },
  },
  'RateLimit-Policy': {
    description:
      'The limits that hold: so many tries in so many seconds, by account and by address.',
    schema: { type: 'string', examples: ['"sign-in";q=10;w=300, "sign-in-address";q=30;w=60'] },
  },
}

export const securitySchemes: Record<string, JsonSchema> = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token of ten minutes (RFC 9068), signed by the caller’s home cell.',
  },
  cartSecret: {
    type: 'apiKey',
    in: 'header',
    name: 'Tradewind-Cart-Secret',
    description: 'The cart’s secret, shown once when the cart was opened.',
  },
}

export const problemSchemas: Record<string, JsonSchema> = {
  Problem: {
    type: 'object',
    description: 'RFC 9457. Act on `code`; further members help with some codes.',
    properties: {
      type: { type: 'string', format: 'uri' },
      code: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      requestId: { type: 'string' },
      errors: { type: 'array', items: { $ref: '#/components/schemas/FieldError' } },
    },
    required: ['type', 'code', 'title', 'status'],
  },
  FieldError: {
    type: 'object',
    description: 'One field at fault.',
    properties: {
      in: { enum: ['body', 'query', 'params', 'header'] },
      pointer: { type: 'string', description: 'RFC 6901, into the named part of the request.' },
      detail: { type: 'string' },
    },
    required: ['in', 'pointer', 'detail'],
  },
}
