/** The cell's application in this process, on a database of its own, called as the edge calls it. */
import { randomUUID } from 'node:crypto'
import { createApp } from '../../regional/app.ts'
import { modules as ownModules } from '../../regional/modules/index.ts'
import { type Clock, systemClock } from '../../regional/platform/clock.ts'
import type { Module, Services } from '../../regional/platform/implement.ts'
import { cloneDatabase } from './database.ts'
import { knowTestTokens } from './identity.ts'
import { signRequest } from './keys.ts'
import { type TestServicesOptions, testServices } from './services.ts'

export { testConfig } from './services.ts'

export interface CellCall {
  token?: string | undefined
  body?: unknown
  /** Made up when left out; `null` sends none. */
  idempotencyKey?: string | null
  cartSecret?: string
  headers?: Record<string, string>
  market?: string
  locale?: string
}

export interface TestCell {
  readonly url: string
  readonly services: Services
  /** Calls the application with an edge's signature: `cell.call('get', '/v1/markets')`. */
  call(method: string, path: string, call?: CellCall): Promise<Response>
  close(): Promise<void>
}

/**
 * Its shield keeps nothing, so that a test reads what the database holds, unless `config` gives it room.
 *
 * @param options.modules take the place of the cell's own modules of the same name.
 */
export async function startTestCell(
  options: TestServicesOptions & { url?: string; modules?: readonly Module[] } = {},
): Promise<TestCell> {
  const { clock = systemClock, url = await cloneDatabase(), modules = [], ...rest } = options
  const config = { SHIELD_MIB_MAX: '0', ...rest.config }
  await knowTestTokens(url)
  const services = testServices(url, { clock, ...rest, config })
  const app = createApp(services, withModules(modules))
  return {
    url,
    services,
    call: async (method, path, call = {}) =>
      await app.request(`http://cell.test${path}`, requestOf(method, path, call, clock)),
    close: () => services.close(),
  }
}

export function withModules(replacing: readonly Module[]): readonly Module[] {
  return ownModules.map((own) => replacing.find((module) => module.name === own.name) ?? own)
}

/** A call as the edge would send it, for `fetch`. The signature does not cover the host. */
export function requestOf(method: string, path: string, call: CellCall, clock: Clock): RequestInit {
  const { token, cartSecret, market = 'de', locale = 'de' } = call
  const headers = new Headers(call.headers)
  headers.set('tradewind-context', `request="test", market="${market}", locale="${locale}"`)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (cartSecret !== undefined) headers.set('tradewind-cart-secret', cartSecret)
  const key = call.idempotencyKey === undefined ? randomUUID() : call.idempotencyKey
  if (method.toLowerCase() === 'post' && key !== null) headers.set('idempotency-key', key)
  const body = call.body === undefined ? undefined : JSON.stringify(call.body)
  const signed = signRequest(
    { method, url: `http://cell.test${path}`, headers, body },
    { now: clock.now() },
  )
  return { method: method.toUpperCase(), headers: signed, ...(body === undefined ? {} : { body }) }
}
