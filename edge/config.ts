/** The Worker's configuration, from its bindings. */
import { isSafeRedisUrl } from '../shared/freshness/feed-stream.ts'

export interface Bindings {
  /** `{"eu":{"url":"https://…"}}`: every cell this edge may send to. */
  CELLS: string
  /** `{"eu":"keyid:base64url"}`: the secret shared with each cell. */
  EDGE_SECRETS: string
  /** The cell for what no id and no token places. */
  DEFAULT_CELL: string
  ENVIRONMENT: 'development' | 'staging' | 'production'
  /** The Redis that the cells relay their feeds through, by Upstash's REST API; with neither, the cell is asked. */
  UPSTASH_REDIS_REST_URL?: string
  /** A token that may only read is enough. */
  UPSTASH_REDIS_REST_TOKEN?: string
}

export interface Cell {
  readonly name: string
  readonly url: string
  readonly keyId: string
  readonly secret: Uint8Array<ArrayBuffer>
}

export interface RedisAddress {
  readonly url: string
  readonly token: string
}

export interface EdgeConfig {
  readonly cells: ReadonlyMap<string, Cell>
  readonly defaultCell: Cell
  readonly environment: Bindings['ENVIRONMENT']
  readonly redis: RedisAddress | null
}

/** @throws {Error} that names the binding at fault, never its value. */
export function readEdgeConfig(bindings: Bindings): EdgeConfig {
  const addresses = objectIn(bindings, 'CELLS') as Record<string, { url?: string } | null>
  const secrets = objectIn(bindings, 'EDGE_SECRETS') as Record<string, string>
  const cells = new Map<string, Cell>()
  for (const [name, address] of Object.entries(addresses)) {
    const url = address?.url ?? ''
    const [keyId, encoded] = String(secrets[name]).split(':')
    const secret = bytesOf(encoded ?? '')
    if (!keyId || secret === null || !URL.canParse(url)) {
      throw new Error(`CELLS or EDGE_SECRETS lacks the url or the secret of cell ${name}`)
    }
    cells.set(name, { name, url: url.replace(/\/$/, ''), keyId, secret })
  }
  const defaultCell = cells.get(bindings.DEFAULT_CELL)
  if (defaultCell === undefined) throw new Error('DEFAULT_CELL names no cell of CELLS')
  return { cells, defaultCell, environment: bindings.ENVIRONMENT, redis: redisIn(bindings) }
}

function redisIn(bindings: Bindings): RedisAddress | null {
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = bindings
  if (!url && !token) return null
  if (!token) throw new Error('UPSTASH_REDIS_REST_TOKEN is not set, but its URL is')
  if (!url || !isSafeRedisUrl(url)) {
    throw new Error('UPSTASH_REDIS_REST_URL must be an https:// URL')
  }
  return { url, token }
}

function objectIn(bindings: Bindings, name: 'CELLS' | 'EDGE_SECRETS'): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bindings[name])
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below, for every way in which it is not an object.
  }
  throw new Error(`${name} must be a JSON object`)
}

/** `null` for what is empty or not base64url. */
function bytesOf(base64url: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]+$/.test(base64url)) return null
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
