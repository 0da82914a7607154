/** The cell's application in this process, on a database of its own, called as the edge calls it. */
import { randomUUID } from 'node:crypto'
import { createApp } from '../../regional/app.ts'
import { modules } from '../../regional/modules/index.ts'
import { type Clock, systemClock } from '../../regional/platform/clock.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { cloneDatabase } from './database.ts'
import { signRequest } from './keys.ts'
import { testServices } from './services.ts'

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

export async function startTestCell(
  options: { clock?: Clock; config?: Record<string, string>; url?: string } = {},
): Promise<TestCell> {
  const { clock = systemClock } = options
  const url = options.url ?? (await cloneDatabase())
  const services = testServices(url, { clock, ...(options.config && { config: options.config }) })
  const app = createApp(services, modules)
  return {
    url,
    services,
    call: async (method, path, call = {}) =>
      await app.request(`http://cell.test${path}`, requestOf(method, path, call, clock)),
    close: () => services.db.close(),
  }
}

function requestOf(method: string, path: string, call: CellCall, clock: Clock): RequestInit {
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
