/** A key, its caller and its request are bound together, in the transaction of the effect. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tx } from '../../../regional/platform/database.ts'
import {
  claimKey,
  IDEMPOTENCY_HOURS,
  type IdempotencyRecord,
  idempotencyRecord,
  pruneIdempotency,
} from '../../../regional/platform/idempotency.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

let url: string
let services: Services
let count = 0

beforeAll(async () => {
  url = await cloneDatabase()
  services = testServices(url)
})
afterAll(() => services.close())

function recordOf(changes: Partial<Parameters<typeof idempotencyRecord>[0]> = {}) {
  return idempotencyRecord({
    key: `key-0123456789-${count}`,
    contract: 'orders.placeOrder',
    caller: 'guest',
    path: '/v1/carts/1/order',
    body: { total: 1 },
    ...changes,
  })
}

/** Claims, works and answers, as a creating route does. */
function once(record: IdempotencyRecord, work: (tx: Tx) => Promise<unknown> = async () => 'made') {
  return services.db.inTransaction(async (tx) => {
    const earlier = await claimKey(tx, record)
    if (earlier !== null) return { repeated: true, ...earlier }
    const response = await work(tx)
    tx.answer({ ...record, status: 201, response: { response } })
    return { repeated: false }
  })
}

describe('a key', () => {
  test.each([undefined, null, ''])('%j is required', (key) => {
    expect(() => recordOf({ key })).toThrow(
      expect.objectContaining({ code: 'idempotency.key_required' }),
    )
  })

  test.each([
    'short',
    'x'.repeat(129),
    'with a space in it',
    'ümlaut-0123456789',
    'line\nbreak-01234567',
  ])('%j is refused by name', (key) => {
    expect(() => recordOf({ key })).toThrow(
      expect.objectContaining({
        code: 'request.invalid',
        errors: [expect.objectContaining({ in: 'header', pointer: '/idempotency-key' })],
      }),
    )
  })

  test('is kept as a hash', () => {
    expect(JSON.stringify(recordOf({ key: 'a-very-secret-key-1' }))).not.toContain('secret')
  })
})

describe('a second copy', () => {
  test('gets the first answer, and its work does not run', async () => {
    count += 1
    await once(recordOf())
    let ran = false
    const { value } = await once(recordOf(), async () => {
      ran = true
    })
    expect(value).toEqual({ repeated: true, status: 201, response: { response: 'made' } })
    expect(ran).toBe(false)
  })

  test.each<[string, Parameters<typeof recordOf>[0]]>([
    ['another body', { body: { total: 2 } }],
    ['another path', { path: '/v1/carts/2/order' }],
  ])('with %s is refused', async (_, changes) => {
    count += 1
    await once(recordOf())
    await expect(once(recordOf(changes))).rejects.toMatchObject({ code: 'idempotency.reused' })
  })

  test.each<[string, Parameters<typeof recordOf>[0]]>([
    ['another caller', { caller: 'cus_2' }],
    ['another contract', { contract: 'carts.createCart' }],
  ])('of %s is a request of its own', async (_, changes) => {
    count += 1
    await once(recordOf())
    expect((await once(recordOf(changes))).value).toEqual({ repeated: false })
  })

  test('that comes while the first is in its transaction waits for its answer', async () => {
    count += 1
    const gate = Promise.withResolvers<void>()
    const claimed = Promise.withResolvers<void>()
    const first = once(recordOf(), async () => {
      claimed.resolve()
      await gate.promise
      return 'first'
    })
    await claimed.promise
    const second = once(recordOf())
    gate.resolve()
    await first
    expect((await second).value).toMatchObject({ repeated: true, response: { response: 'first' } })
  })

  test('of one whose effect rolled back does the work', async () => {
    count += 1
    const spilt = once(recordOf(), () => Promise.reject(new Error('spilt')))
    await expect(spilt).rejects.toThrow('spilt')
    expect((await once(recordOf())).value).toEqual({ repeated: false })
  })

  test('of one that is committed as running is told to come back; another body is refused', async () => {
    count += 1
    await services.db.inTransaction((tx) => claimKey(tx, recordOf()))
    const running = once(recordOf())
    await expect(running).rejects.toMatchObject({
      code: 'idempotency.running',
      retryAfterSeconds: 1,
    })
    const other = once(recordOf({ body: { total: 9 } }))
    await expect(other).rejects.toMatchObject({ code: 'idempotency.reused' })
  })
})

test('an answer is kept for its hours; one that still runs is kept however old', async () => {
  const old = `now() - interval '${IDEMPOTENCY_HOURS + 1} hours'`
  await queryRows(url, 'truncate idempotency')
  await queryRows(
    url,
    `insert into idempotency (key_hash, contract, caller, fingerprint, state, status, created_at) values
      ('old', 'c', 'g', 'f', 'done', 201, ${old}),
      ('running', 'c', 'g', 'f', 'running', null, ${old}),
      ('recent', 'c', 'g', 'f', 'done', 201, now())`,
  )
  await pruneIdempotency(services.db)
  const rows = await queryRows(url, 'select key_hash from idempotency order by key_hash')
  expect(rows).toEqual([{ key_hash: 'recent' }, { key_hash: 'running' }])
})
