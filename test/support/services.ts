/** What modules are given, on a test's database: configuration, pool, clock and a silent log. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, readConfig } from '../../regional/config.ts'
import { openServices } from '../../regional/open-services.ts'
import type { Clock } from '../../regional/platform/clock.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { asApp } from './app-login.ts'
import { authSecret, cartKey, edgeSecret, tokenKeySecret } from './keys.ts'

/** Where this process's cells leave their e-mail; made by the first that sends any. */
export const mailFolder = join(tmpdir(), `tradewind-mail-${process.pid}`)
process.on('exit', () => rmSync(mailFolder, { recursive: true, force: true }))

/** The environment of a cell `eu` on a database, with this run's keys, as a login that may do what a cell may. */
export function testEnvironment(url: string, overrides: Record<string, string> = {}) {
  return {
    NODE_ENV: 'test',
    CELL: 'eu',
    DATABASE_URL: asApp(url),
    EDGE_SECRETS: edgeSecret,
    TOKEN_KEY_SECRET: tokenKeySecret,
    CART_KEY: cartKey,
    AUTH_SECRET: authSecret,
    STAFF_SECOND_FACTOR: 'optional',
    ...(overrides.SMTP_URL === undefined ? { MAIL_FOLDER: mailFolder } : {}),
    MAIL_FROM: 'Test shop <shop@tradewind.test>',
    SHOP_URL: 'https://shop.tradewind.test',
    STAFF_URL: 'https://staff.tradewind.test',
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
