/** The cell's configuration: read from the environment once, and refused with a line that says what to set. */
import { z } from 'zod'
import { isSafeRedisUrl } from '../shared/freshness/feed-stream.ts'

const secret = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,64}:[A-Za-z0-9_-]{43,}$/,
    'must be `keyid:secret`, the secret at least 32 bytes in base64url',
  )

/** `address` or `Name <address>`; the name is shown to people and signs what they are sent. */
const MAILBOX = /^(?:[^<>@",;\p{Cc}]+ <[^<>@",;\s]+@[\w.-]+>|[^<>@",;\s]+@[\w.-]+)$/u

const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: (issue) => notUrl(issue, 'a postgres:// URL'),
})

/** Where a site of people is, without a slash at its end. */
const siteUrl = z
  .url({ protocol: /^https?$/, error: (issue) => notUrl(issue, 'an https:// URL') })
  .regex(/^[^?#]*$/, 'must have no query and no fragment')
  .transform((url) => url.replace(/\/+$/, ''))

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
  /** Whether staff without a second factor may do anything but set one up. */
  STAFF_SECOND_FACTOR: z.enum(['optional', 'required']).default('required'),
  /** Derives the secrets of carts. */
  CART_KEY: z.string().regex(/^[A-Za-z0-9_-]{43,}$/, 'must be at least 32 bytes in base64url'),
  /** Derives the keys of mailed links and of second factors. */
  AUTH_SECRET: z.string().regex(/^[A-Za-z0-9_-]{43,}$/, 'must be at least 32 bytes in base64url'),
  /** Threads that hash passwords: the cores that sign-ins may take while nobody else wants them. */
  PASSWORD_HASHERS: z.coerce.number().int().min(1).max(64).default(1),
  /** The share of its time that each of them hashes while people wait: the more, the slower the reads of the same machine. */
  PASSWORD_HASH_SHARE: z.coerce.number().min(0.1).max(1).default(0.5),
  /** Who would wait longer for one is told when to come back, in whole seconds, so it is no less than one. */
  PASSWORD_WAIT_MS_MAX: z.coerce.number().int().min(1_000).max(10_000).default(5_000),
  /** The Redis that the feed is relayed through, by Upstash's REST API; with neither, edges ask the cell. */
  UPSTASH_REDIS_REST_URL: z
    .url()
    .refine(isSafeRedisUrl, { message: 'must be an https:// URL' })
    .optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1).optional(),
  PAYMENT_TIMEOUT_MS: z.coerce.number().int().min(10).max(60_000).default(5_000),
  /** How long an order may await its payment's outcome before a job asks the provider. */
  PAYMENT_RECONCILE_AFTER_MS: z.coerce.number().int().min(100).max(3_600_000).default(30_000),
  /**
   * The server that carries e-mail: `smtps://user:password@mail.example.com`, or `smtp://` with STARTTLS, which
   * production insists on unless the URL ends in `?ignoreTLS=true`.
   */
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: (issue) => notUrl(issue, 'an smtp:// or smtps:// URL') })
    .optional(),
  /** A folder that e-mail is written to instead; not in production. */
  MAIL_FOLDER: z.string().min(1).optional(),
  /** Whom e-mail comes from: `shop@example.com`, or `Our shop <shop@example.com>`. */
  MAIL_FROM: z.string().regex(MAILBOX, 'must be an address, or a name with <an address>'),
  /** What links in e-mail lead to: the customers' site, and the staff's. */
  SHOP_URL: siteUrl,
  STAFF_URL: siteUrl,
  DRAIN_MS_MAX: z.coerce.number().int().min(0).max(600_000).default(10_000),
  LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
})

const Environment = Variables.superRefine((read, context) => {
  for (const [variable, message] of faultsOf(read)) {
    context.addIssue({ code: 'custom', path: [variable], message })
  }
})

type Fault = readonly [variable: keyof z.infer<typeof Variables>, message: string]

/** What no variable shows by itself. */
function faultsOf(read: z.infer<typeof Variables>): Fault[] {
  return [...redisFaults(read), ...mailFaults(read)]
}

function redisFaults(read: z.infer<typeof Variables>): Fault[] {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = read
  if ((url === undefined) === (token === undefined)) return []
  const missing = url === undefined ? 'UPSTASH_REDIS_REST_URL' : 'UPSTASH_REDIS_REST_TOKEN'
  return [[missing, 'must be set with the other']]
}

function mailFaults(read: z.infer<typeof Variables>): Fault[] {
  const { SMTP_URL: server, MAIL_FOLDER: folder } = read
  const faults: Fault[] = []
  if (read.NODE_ENV !== 'production') {
    if (server === undefined && folder === undefined) faults.push(['MAIL_FOLDER', ''])
    if (server !== undefined && folder !== undefined) {
      faults.push(['MAIL_FOLDER', 'must not be set with SMTP_URL'])
    }
    return faults
  }
  if (server === undefined) faults.push(['SMTP_URL', ''])
  if (folder !== undefined) faults.push(['MAIL_FOLDER', 'must not be set in production'])
  for (const variable of ['SHOP_URL', 'STAFF_URL'] as const) {
    // Links hold what signs somebody in.
    if (!read[variable].startsWith('https:')) faults.push([variable, 'must be an https:// URL'])
  }
  return faults
}

export type Config = Readonly<z.infer<typeof Environment>>
type ProcessEnvironment = Readonly<Record<string, string | undefined>>

/**
 * @throws {Error} naming every variable at fault and what is wrong with it; never a value.
 */
export function readConfig(environment: ProcessEnvironment): Config {
  return readAs(Environment, environment, 'The cell cannot start; set these variables')
}

/** As much of a cell's configuration as a command needs that works on its keys. */
const KeySettings = Variables.pick({
  CELL: true,
  DATABASE_URL: true,
  NEON_WS_PROXY: true,
  TOKEN_KEY_SECRET: true,
})
export type KeySettings = Readonly<z.infer<typeof KeySettings>>

/** @throws {Error} as `readConfig` does. */
export function readKeySettings(environment: ProcessEnvironment): KeySettings {
  return readAs(KeySettings, environment, 'Set these variables')
}

function readAs<T>(schema: z.ZodType<T>, given: ProcessEnvironment, demand: string): Readonly<T> {
  const read = schema.safeParse(given)
  if (read.success) return Object.freeze(read.data)
  const faults = read.error.issues.map(({ path, message }) => {
    const isSet = given[String(path[0])] !== undefined
    return `  ${path.join('.')}: ${isSet ? message : 'is not set'}`
  })
  throw new Error(`${demand}:\n${faults.join('\n')}`)
}

function notUrl({ input }: { input: unknown }, what: string): string | undefined {
  return input === undefined ? undefined : `must be ${what}`
}
