/**
 * Idempotency of creating requests (draft-ietf-httpapi-idempotency-key-header): the key, its caller, a fingerprint of
 * the request and the response are stored in the transaction of the effect. The key is kept only as a hash.
 */

import { sql } from 'drizzle-orm'
import { invalidField, Problem, type ProblemDetails } from '../../shared/problems.ts'
import type { Runner } from './database.ts'
import { digestOf } from './digest.ts'
import { statement, value } from './statement.ts'

export interface IdempotencyRecord {
  keyHash: string
  contract: string
  caller: string
  fingerprint: string
}

/** An answer as it was given: a response, or the details of the problem that was final. */
export interface EarlierAnswer {
  status: number
  response: unknown
}

/**
 * The response of an earlier answer, again.
 *
 * @throws {Problem} the same one, when the request had ended in a problem that was stored as its answer.
 */
export function replay(earlier: EarlierAnswer): unknown {
  if (earlier.status < 400) return earlier.response
  throw Problem.fromDetails(earlier.response as ProblemDetails)
}

const KEY = /^[\x21-\x7e]{16,128}$/

/** @throws {Problem} when the key is missing, or not 16 to 128 visible ASCII characters. */
export function idempotencyRecord(request: {
  key: string | null | undefined
  contract: string
  caller: string
  path: string
  body: unknown
}): IdempotencyRecord {
  const { key, contract, caller, path, body } = request
  if (!key) throw new Problem('idempotency.key_required')
  if (!KEY.test(key)) {
    throw invalidField('header', '/idempotency-key', 'must be 16 to 128 visible ASCII characters')
  }
  const fingerprint = digestOf(`${path}\n${JSON.stringify(body)}`)
  return { keyHash: digestOf(key), contract, caller, fingerprint }
}

type Values = IdempotencyRecord & Record<string, unknown>

const insertKey = statement<Values, { fresh: boolean }>(
  'idempotency_claim',
  sql`insert into idempotency (key_hash, contract, caller, fingerprint)
    values (${value('keyHash')}, ${value('contract')}, ${value('caller')}, ${value('fingerprint')})
    on conflict do nothing returning true as fresh`,
)

interface KeyRow {
  fingerprint: string
  state: 'running' | 'done'
  status: number | null
  response: unknown
}

const selectKey = statement<Record<string, unknown>, KeyRow>(
  'idempotency_earlier',
  sql`select fingerprint, state, status, response from idempotency
    where key_hash = ${value('keyHash')} and contract = ${value('contract')}
      and caller = ${value('caller')}`,
)

/**
 * Claims a key as `running`, or finds the answer it was given before. A second copy that comes while the first is
 * in its transaction waits on the row and then sees its answer.
 *
 * @returns the earlier answer; `null` when the key is now the caller's.
 * @throws {Problem} `idempotency.reused` or `idempotency.running`.
 */
export async function claimKey(
  tx: Runner,
  record: IdempotencyRecord,
): Promise<EarlierAnswer | null> {
  const inserted = await tx.run(insertKey, { ...record })
  if (inserted.length > 0) return null
  const [earlier] = await tx.run(selectKey, { ...record })
  if (earlier === undefined || earlier.state === 'running') {
    if (earlier !== undefined && earlier.fingerprint !== record.fingerprint) {
      throw new Problem('idempotency.reused')
    }
    throw new Problem('idempotency.running', { retryAfterSeconds: 1 })
  }
  if (earlier.fingerprint !== record.fingerprint) throw new Problem('idempotency.reused')
  return { status: earlier.status!, response: earlier.response }
}

const pruneKeys = statement<{ hours: number }, unknown>(
  'idempotency_prune',
  sql`delete from idempotency
    where state = 'done' and created_at < now() - make_interval(hours => ${value('hours')}::int)`,
)

/** How long an answer is kept for a second copy of its request. */
export const IDEMPOTENCY_HOURS = 48

export async function pruneIdempotency(runner: Runner): Promise<void> {
  await runner.run(pruneKeys, { hours: IDEMPOTENCY_HOURS })
}
