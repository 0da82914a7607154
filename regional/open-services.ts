/** Opens what every module is given, from a cell's configuration. */
import type { Config } from './config.ts'
import { openMailer } from './modules/notifications/index.ts'
import { cellTokens } from './platform/access-token.ts'
import { type Clock, systemClock } from './platform/clock.ts'
import { Database, type DatabaseOptions } from './platform/database.ts'
import { FEED_WAITS } from './platform/feed.ts'
import type { Services } from './platform/implement.ts'
import { createLog, type Logger } from './platform/log.ts'
import { PasswordHasher } from './platform/passwords.ts'
import { Shield } from './platform/shield.ts'
import { SigningKeys } from './platform/signing-keys.ts'
import { REPLICA_WAITS, SnapshotReads } from './platform/snapshots.ts'

const MEBIBYTE = 1_048_576
/**
 * The feed has connections of its own: behind a queue of writes nothing could be vouched for, and what is in every cache
 * would be refused.
 */
const FEED_LIMITS = { poolMax: 2, waitingMax: 1_000, waitMsMax: 2_000, waits: FEED_WAITS }

/**
 * @param options.open makes the database in another way than by opening it.
 * @param options.onStatement sees every statement of the primary, for counting round trips.
 */
export function openServices(
  config: Config,
  options: {
    clock?: Clock
    onStatement?: DatabaseOptions['onStatement']
    open?: (options: DatabaseOptions, log: Logger) => Database
  } = {},
): Services {
  const { clock = systemClock, onStatement, open = openDatabase } = options
  const log = createLog({ level: config.LOG_LEVEL, cell: config.CELL })
  const pool = {
    neonProxy: config.NEON_WS_PROXY,
    poolMax: config.DATABASE_POOL_MAX,
    waitingMax: config.DATABASE_WAITING_MAX,
    waitMsMax: config.DATABASE_WAIT_MS_MAX,
  }
  const primary = { url: config.DATABASE_URL, ...(onStatement && { onStatement }) }
  const db = open({ ...pool, ...primary }, log)
  const feed = open({ ...pool, ...primary, ...FEED_LIMITS }, log)
  const replicaUrl = config.DATABASE_REPLICA_URL
  const near = { ...pool, waits: REPLICA_WAITS }
  const replica = replicaUrl === undefined ? null : new Database({ ...near, url: replicaUrl }, log)
  const snapshots = new SnapshotReads({ primary: db, replica, log })
  const secret = { cell: config.CELL, secret: config.TOKEN_KEY_SECRET }
  const keys = new SigningKeys({ db, secret, clock })
  const tokens = cellTokens(config.CELL, keys, feed)
  const shield = new Shield({ feed, snapshots, bytesMax: config.SHIELD_MIB_MAX * MEBIBYTE })
  const passwords = new PasswordHasher({
    clock,
    threads: config.PASSWORD_HASHERS,
    waitMsMax: config.PASSWORD_WAIT_MS_MAX,
    share: config.PASSWORD_HASH_SHARE,
  })
  const mailer = openMailer(config)
  return {
    db,
    feed,
    clock,
    log,
    config,
    shield,
    mailer,
    keys,
    tokens,
    passwords,
    close: async () => {
      await passwords.close()
      mailer.close()
      await Promise.all([db.close(), feed.close(), replica?.close()])
    },
  }
}

function openDatabase(options: DatabaseOptions, log: Logger): Database {
  return new Database(options, log)
}
