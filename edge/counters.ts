/** What this isolate has counted since it started. */

import type { FreshnessReport } from '../shared/freshness/report.ts'
import type { ProblemCode } from '../shared/problems.ts'
import type { FeedSourceCounters } from './cache/feed-source.ts'

export interface EdgeCounters {
  requests: number
  /** Requests that no cache could answer, by nature: writes and private reads. */
  forwards: number
  notModified: number
  tokensRefused: Record<string, number>
  /** Refused here for how often they came: forced polls and limited contracts. */
  limited: number
  /** Problems by contract, then by code. */
  errors: Record<string, Record<string, number>>
}

export function newCounters(): EdgeCounters {
  return { requests: 0, forwards: 0, notModified: 0, tokensRefused: {}, limited: 0, errors: {} }
}

export function countError(counters: EdgeCounters, contract: string, code: ProblemCode): void {
  counters.errors[contract] ??= {}
  const ofContract = counters.errors[contract]
  ofContract[code] = (ofContract[code] ?? 0) + 1
}

export function countRefusedToken(counters: EdgeCounters, reason: string): void {
  counters.tokensRefused[reason] = (counters.tokensRefused[reason] ?? 0) + 1
}

export interface EdgeHealth extends FreshnessReport {
  ok: true
  counters: EdgeCounters
  /** Batches of the feed, by the way they came. */
  sources: FeedSourceCounters
  memory: { entries: number; bytes: number }
  tokens: { remembered: number }
}
