/**
 * What better-auth reads and writes through: Drizzle in the transaction of the call that runs, and one realm's accounts.
 *
 * The library is built once and knows nothing of our transactions, so the one that runs is found by the asynchronous
 * context of the call. Outside such a call it has no database at all.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import type { QueryBuilder, Tx } from '../../platform/database.ts'
import { account, credential, verification } from './schema.ts'

export type AccountKind = 'customer' | 'staff'

type CreateAdapter = ReturnType<typeof drizzleAdapter>
type Adapter = ReturnType<CreateAdapter>

/** An account as the library hands it to its callbacks. */
export interface SeenAccount {
  id: string
  email: string
  status: string
}

interface Call {
  readonly query: QueryBuilder
  /** What the database said first that failed: the library replaces it with words of its own, or swallows it. */
  failure: unknown
  /** Whom the library called back about, and with which secret. */
  seen: { account: SeenAccount; token?: string } | null
}

const calls = new AsyncLocalStorage<Call>()

/**
 * Runs a call of the library inside a transaction.
 *
 * @returns what it answered, and what it told a callback on the way.
 * @throws whatever the database threw, even if the library hid it: then the transaction is lost.
 */
export async function within<T>(
  tx: Tx,
  work: () => Promise<T>,
): Promise<{ answer: T; seen: Call['seen'] }> {
  const call: Call = { query: tx.query, failure: null, seen: null }
  const answer = await calls.run(call, work).catch((error: unknown) => {
    throw call.failure ?? error
  })
  if (call.failure !== null) throw call.failure
  return { answer, seen: call.seen }
}

/** For the library's callbacks: keeps what they are told for whoever called. */
export async function keepSeen(seen: { user: unknown; token?: string }): Promise<void> {
  const { user, ...rest } = seen
  running().seen = { account: user as SeenAccount, ...rest }
}

function running(): Call {
  const call = calls.getStore()
  if (call === undefined) throw new Error('better-auth was called outside a transaction')
  return call
}

/** The builders that the library's adapter uses, each of the transaction that runs. */
const database = {
  select: (...input: Parameters<QueryBuilder['select']>) => running().query.select(...input),
  insert: (...input: Parameters<QueryBuilder['insert']>) => running().query.insert(...input),
  update: (...input: Parameters<QueryBuilder['update']>) => running().query.update(...input),
  delete: (...input: Parameters<QueryBuilder['delete']>) => running().query.delete(...input),
}

const METHODS = [
  'create',
  'findOne',
  'findMany',
  'count',
  'update',
  'updateMany',
  'delete',
  'deleteMany',
  'consumeOne',
  'incrementOne',
] as const

interface Query {
  model: string
  where?: { field: string; value: unknown }[]
  join?: unknown
}

/** The adapter for one realm: an account of the other does not exist, by whatever it is looked up. */
export function adapterOf(kind: AccountKind): CreateAdapter {
  const schema = { user: account, account: credential, verification }
  const create = drizzleAdapter(database, { provider: 'pg', schema })
  return (options) => {
    const whole = create(options) as unknown as Record<string, (query: Query) => Promise<unknown>>
    const methods = METHODS.map((method) => [
      method,
      (query: Query) => watched(whole[method]!(narrowed(kind, query))),
    ])
    const adapter = { ...whole, ...Object.fromEntries(methods) } as unknown as Adapter
    // We are in one already; its own would go on without the realm.
    adapter.transaction = (work) => work(adapter)
    return adapter
  }
}

/** Without joins: no call of ours needs one, and the library prints what a failed one threw. */
function narrowed(kind: AccountKind, { join: _, ...query }: Query): Query {
  if (query.model !== 'user' || query.where === undefined) return query
  return { ...query, where: [...query.where, { field: 'kind', value: kind }] }
}

async function watched<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    running().failure ??= error
    throw error
  }
}
