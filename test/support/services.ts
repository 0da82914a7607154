/** What modules are given, on a test's database: configuration, pool, clock and a silent log. */
import { type Config, readConfig } from '../../regional/config.ts'
import { openServices } from '../../regional/open-services.ts'
import type { Clock } from '../../regional/platform/clock.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { cartKey, edgeSecret, tokenKeySecret } from './keys.ts'

/** The environment of a cell `eu` on a database, with this run's keys. */
export function testEnvironment(url: string, overrides: Record<string, string> = {}) {
  return {
    NODE_ENV: 'test',
    CELL: 'eu',
    DATABASE_URL: url,
    EDGE_SECRETS: edgeSecret,
    TOKEN_KEY_SECRET: tokenKeySecret,
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
  const { config, ...rest } = options
  return openServices(testConfig(url, config), rest)
}
