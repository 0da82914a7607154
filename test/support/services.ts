/** What modules are given, on a test's database: configuration, pool, clock and a silent log. */
import { type Config, readConfig } from '../../regional/config.ts'
import { type Clock, systemClock } from '../../regional/platform/clock.ts'
import { Database } from '../../regional/platform/database.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { createLog } from '../../regional/platform/log.ts'
import { cartKey, edgeSecret, jwks } from './keys.ts'

/** The environment of a cell `eu` on a database, with this run's keys. */
export function testEnvironment(url: string, overrides: Record<string, string> = {}) {
  return {
    NODE_ENV: 'test',
    CELL: 'eu',
    DATABASE_URL: url,
    EDGE_SECRETS: edgeSecret,
    TOKEN_JWKS: JSON.stringify(jwks),
    CART_KEY: cartKey,
    LOG_LEVEL: 'silent',
    ...overrides,
  }
}

export function testConfig(url: string, overrides: Record<string, string> = {}): Config {
  return readConfig(testEnvironment(url, overrides))
}

export interface TestServicesOptions {
  clock?: Clock
  config?: Record<string, string>
  /** Sees every statement, for counting round trips. */
  onStatement?: (text: string) => void
}

export function testServices(url: string, options: TestServicesOptions = {}): Services {
  const config = testConfig(url, options.config)
  const log = createLog({ level: config.LOG_LEVEL, cell: config.CELL })
  const db = new Database(
    {
      url,
      neonProxy: config.NEON_WS_PROXY,
      poolMax: config.DATABASE_POOL_MAX,
      waitingMax: config.DATABASE_WAITING_MAX,
      waitMsMax: config.DATABASE_WAIT_MS_MAX,
      ...(options.onStatement && { onStatement: options.onStatement }),
    },
    log,
  )
  return { db, clock: options.clock ?? systemClock, log, config }
}
