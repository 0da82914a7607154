/** The cell's configuration: read from the environment once, and refused with a line that says what to set. */
import { z } from 'zod'
import { isSafeRedisUrl } from '../shared/freshness/feed-stream.ts'

const secret = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,64}:[A-Za-z0-9_-]{43,}$/,
    'must be `keyid:secret`, the secret at least 32 bytes in base64url',
  )

const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: (issue) => (issue.input === undefined ? undefined : 'must be a postgres:// URL'),
})

const Variables = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('production'),
  CELL: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,15}$/, 'must be a short name in lower case, such as `eu`'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8788),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: postgresUrl,
  /** A streaming replica, for cached reads that it has come far enough for. */
  DATABASE_REPLICA_URL: postgresUrl.optional(),
  /** Where Neon's driver finds its WebSocket proxy; only for a proxy of one's own. */
  NEON_WS_PROXY: z.string().optional(),
  DATABASE_POOL_MAX: z.coerce.number().int().min(2).max(200).default(10),
  DATABASE_WAITING_MAX: z.coerce.number().int().min(0).max(100_000).default(2_000),
  DATABASE_WAIT_MS_MAX: z.coerce.number().int().min(1).max(60_000).default(5_000),
  /** Memory for answers of cached reads, in MiB; 0 keeps none. */
  SHIELD_MIB_MAX: z.coerce.number().int().min(0).max(65_536).default(64),
  EDGE_SECRETS: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(secret).min(1).max(2))
    .refine((list) => new Set(list.map((each) => each.split(':')[0])).size === list.length, {
      message: 'must have two different key ids while it is rotated',
    }),
  /** Encrypts the keys that sign this cell's tokens. */
  TOKEN_KEY_SECRET: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url'),
  /** Derives the secrets of carts. */
  CART_KEY: z.string().regex(/^[A-Za-z0-9_-]{43,}$/, 'must be at least 32 bytes in base64url'),
  /** The Redis that the feed is relayed through, by Upstash's REST API; with neither, edges ask the cell. */
  UPSTASH_REDIS_REST_URL: z
    .url()
    .refine(isSafeRedisUrl, { message: 'must be an https:// URL' })
    .optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1).optional(),
  PAYMENT_TIMEOUT_MS: z.coerce.number().int().min(10).max(60_000).default(5_000),
  /** How long an order may await its payment's outcome before a job asks the provider. */
  PAYMENT_RECONCILE_AFTER_MS: z.coerce.number().int().min(100).max(3_600_000).default(30_000),
  DRAIN_MS_MAX: z.coerce.number().int().min(0).max(600_000).default(10_000),
  LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
})

const Environment = Variables.superRefine((read, context) => {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = read
  if ((url === undefined) === (token === undefined)) return
  const path = [url === undefined ? 'UPSTASH_REDIS_REST_URL' : 'UPSTASH_REDIS_REST_TOKEN']
  context.addIssue({ code: 'custom', path, message: 'must be set with the other' })
})

export type Config = Readonly<z.infer<typeof Environment>>

/**
 * @throws {Error} naming every variable at fault and what is wrong with it; never a value.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const read = Environment.safeParse(environment)
  if (read.success) return Object.freeze(read.data)
  const faults = read.error.issues.map(({ path, message }) => {
    const isSet = environment[String(path[0])] !== undefined
    return `  ${path.join('.')}: ${isSet ? message : 'is not set'}`
  })
  throw new Error(`The cell cannot start; set these variables:\n${faults.join('\n')}`)
}
