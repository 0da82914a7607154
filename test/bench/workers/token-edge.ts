/**
 * Verifies the tokens of a body, a list of values of `Authorization`, one after the other: `/ours` as the edge does, `/floor` by jose alone with the
 * same keys. Many in one request, so that HTTP, which costs as much as a verification, does not hide the difference.
 */
import { createLocalJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { Identities } from '../../../edge/auth/identify.ts'
import { fetchKeys } from '../../../edge/auth/published-keys.ts'
import { type Bindings, readEdgeConfig } from '../../../edge/config.ts'
import type { WaitUntil } from '../../../shared/freshness/follower.ts'
import { accessTokenRules } from '../../support/token-rules.ts'

const KEYS_TIMEOUT_MS = 3_000

interface Opened {
  readonly cell: string
  readonly identities: Identities
  readonly keys: JWTVerifyGetKey
}

let opened: Opened | undefined

export default {
  async fetch(request, env, context) {
    opened ??= await open(env)
    const shown = (await request.json()) as string[]
    const verify = new URL(request.url).pathname === '/ours' ? byEdge : byJose
    const wait: WaitUntil = (work) => context.waitUntil(work)
    for (const authorization of shown) {
      if (!(await verify(opened, authorization, wait)))
        return new Response('refused', { status: 401 })
    }
    return new Response('verified')
  },
} satisfies ExportedHandler<Bindings>

async function open(env: Bindings): Promise<Opened> {
  const config = readEdgeConfig(env)
  const { name, url } = config.defaultCell
  return {
    cell: name,
    identities: new Identities(config, caches.default),
    keys: createLocalJWKSet(await fetchKeys(url, KEYS_TIMEOUT_MS)),
  }
}

async function byEdge(
  { identities }: Opened,
  authorization: string,
  wait: WaitUntil,
): Promise<boolean> {
  const nowMs = Date.now()
  const outcome =
    identities.known(authorization, nowMs, wait) ??
    (await identities.identify(authorization, nowMs, wait))
  return outcome.ok && outcome.principal.kind === 'customer'
}

async function byJose({ cell, keys }: Opened, authorization: string): Promise<boolean> {
  const token = authorization.slice('Bearer '.length)
  const rules = accessTokenRules(cell, new Date(Date.now()))
  const verified = await jwtVerify(token, keys, rules).catch(() => null)
  return verified?.payload.role === 'customer'
}
