/** Password hashing: what is kept, what is refused, and a queue that stays bounded and loses nobody. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { assertPassword, PASSWORD_COST } from '../../../regional/platform/password-format.ts'
import { PasswordHasher } from '../../../regional/platform/passwords.ts'
import { Problem } from '../../../shared/problems.ts'

/** Argon2's own minimum, so that many calls take no time. */
const CHEAP = { memoryKiB: 8, passes: 1, parallelism: 1 }
const PASSWORD = 'a password made up for a test'
const clock = { now: () => new Date(now) }
let now = 0
let hasher: PasswordHasher

type Options = Partial<ConstructorParameters<typeof PasswordHasher>[0]>

function hasherWith(options: Options = {}) {
  return new PasswordHasher({ clock, threads: 1, waitMsMax: 60_000, cost: CHEAP, ...options })
}

beforeEach(() => {
  now = 1_700_000_000_000
  hasher = hasherWith()
})

afterEach(() => hasher.close())

describe('a hash', () => {
  test("is an argon2id PHC string of OWASP's cost, with 16 bytes of salt and a tag of 32", async () => {
    await hasher.close()
    hasher = hasherWith({ cost: PASSWORD_COST })
    const hash = await hasher.hash(PASSWORD)
    expect(hash).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    )
    expect(await hasher.verify(PASSWORD, hash)).toEqual({ matches: true, needsRehash: false })
    expect(await hasher.verify(`${PASSWORD}.`, hash)).toEqual({
      matches: false,
      needsRehash: false,
    })
  })

  test('of the same password is another every time, and each verifies', async () => {
    const [first, second] = await Promise.all([hasher.hash(PASSWORD), hasher.hash(PASSWORD)])
    expect(first).not.toBe(second)
    expect((await hasher.verify(PASSWORD, first)).matches).toBe(true)
    expect((await hasher.verify(PASSWORD, second)).matches).toBe(true)
  })

  test('of another argon2 verifies too, as the reference implementation wrote it', async () => {
    // From phc-winner-argon2's own test vectors: password `password`, salt `somesalt`.
    const reference =
      '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    expect(await hasher.verify('password', reference)).toEqual({
      matches: true,
      needsRehash: true,
    })
    expect(await hasher.verify('passwort', reference)).toEqual({
      matches: false,
      needsRehash: false,
    })
  })

  test('is of the characters, however a keyboard composed them', async () => {
    const hash = await hasher.hash('pa\u0308ssword \ufb01ne')
    expect((await hasher.verify('p\u00e4ssword fine', hash)).matches).toBe(true)
  })

  test('that cannot be read is an error that does not quote it', async () => {
    const failure = await hasher.verify(PASSWORD, '$argon2i$v=19$secret').catch((error) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toBeInstanceOf(Problem)
    expect(failure.message).not.toContain('secret')
  })
})

describe('a password', () => {
  test.each([
    ['too short', 'seven77'],
    ['too long', 'x'.repeat(129)],
    ['too short once composed', 'a\u0308'.repeat(7)],
    ['not well-formed', `password \ud800`],
    ['far too long', 'x'.repeat(2_000)],
  ])('that is %s is refused by the field it came in, and verifies nothing', async (_, password) => {
    expect(() => assertPassword(password, '/password')).toThrowError(
      expect.objectContaining({
        code: 'request.invalid',
        errors: [expect.objectContaining({ in: 'body', pointer: '/password' })],
      }),
    )
    const hash = await hasher.hash(PASSWORD)
    expect((await hasher.verify(password, hash)).matches).toBe(false)
  })

  test.each(['eight888', 'x'.repeat(128), '🦊'.repeat(128)])('may be %s', async (password) => {
    assertPassword(password, '/password')
    const hash = await hasher.hash(password)
    expect((await hasher.verify(password, hash)).matches).toBe(true)
  })
})

test('an unknown account takes as long as a wrong password', async () => {
  await hasher.close()
  hasher = hasherWith({ cost: { memoryKiB: 4_096, passes: 1, parallelism: 1 } })
  const hash = await hasher.hash(PASSWORD)
  const wrong: number[] = []
  const unknown: number[] = []
  for (let round = 0; round < 40; round += 1) {
    wrong.push(await elapsed(() => hasher.verify('another password', hash)))
    unknown.push(await elapsed(() => hasher.verifyNothing('another password')))
  }
  expect(median(unknown) / median(wrong)).toBeGreaterThan(0.8)
  expect(median(unknown) / median(wrong)).toBeLessThan(1.25)
})

test('the thread alone has the lowest priority, and reads keep theirs', async () => {
  await hasher.hash(PASSWORD)
  const nice = new Map(
    readdirSync('/proc/self/task').map((id) => [id, niceOf(`/proc/self/task/${id}/stat`)]),
  )
  expect(nice.get(String(process.pid))).toBe(0)
  expect([...nice.values()].filter((value) => value === 19)).toHaveLength(1)
})

describe('five hundred callers at once', () => {
  test('who come back when they are told are all served, and never crowd', async () => {
    await hasher.close()
    const waitMsMax = 1_000
    hasher = hasherWith({ waitMsMax })
    hashesTake(20)
    // The first answer of a thread is not measured, and the second is.
    for (let warm = 0; warm < 2; warm += 1) await hasher.hash(PASSWORD)
    const start = now
    const refusals = new Array<number>(500).fill(0)
    const served: number[] = []
    const due = new Map([[now, refusals.map((_, caller) => caller)]])
    while (due.size > 0) {
      const at = Math.min(...due.keys())
      const callers = due.get(at)!
      due.delete(at)
      now = Math.max(now, at)
      const asked = now
      const calls = callers.map(async (caller) => {
        const retryAfter = await hasher.hash(PASSWORD).then(() => null, retryAfterOf)
        if (retryAfter === null) return served.push(caller)
        refusals[caller]! += 1
        const back = asked + retryAfter * 1_000
        due.set(back, [...(due.get(back) ?? []), caller])
      })
      expect(hasher.waiting).toBeLessThanOrEqual(waitMsMax / 20 + 1)
      await Promise.all(calls)
    }
    expect(served.toSorted((a, b) => a - b)).toEqual(refusals.map((_, caller) => caller))
    expect(refusals.filter((times) => times > 0)).toHaveLength(449)
    expect(Math.max(...refusals)).toBeLessThanOrEqual(2)
    expect(now - start).toBeLessThanOrEqual(500 * 20 * 1.25)
  })

  test('are served in the order in which they came', async () => {
    const served: number[] = []
    await Promise.all(
      Array.from({ length: 500 }, (_, caller) =>
        hasher.hash(PASSWORD).then(() => served.push(caller)),
      ),
    )
    expect(served).toEqual(served.toSorted((a, b) => a - b))
    expect(served).toHaveLength(500)
  })
})

test('a call that would wait too long is refused at once, one that need not wait is not', async () => {
  await hasher.close()
  hasher = hasherWith({ waitMsMax: 1 })
  const first = hasher.hash(PASSWORD)
  const second = hasher.hash(PASSWORD)
  await expect(second).rejects.toMatchObject({ code: 'cell.overloaded', retryAfterSeconds: 1 })
  await first
  await hasher.hash(PASSWORD)
})

test('whoever waited far longer than expected is told to come back, and not hashed for', async () => {
  const first = hasher.hash(PASSWORD)
  const overdue = hasher.hash(PASSWORD)
  now += 120_001
  await first
  await expect(overdue).rejects.toMatchObject({ code: 'cell.overloaded' })
})

test('a thread rests for as long as its share says, and callers are told of a queue that moves as slowly', async () => {
  await hasher.close()
  const tookMs = 40
  const hashed = async (share: number) => {
    hasher = hasherWith({ share })
    hashesTake(tookMs)
    for (let warm = 0; warm < 2; warm += 1) await hasher.hash(PASSWORD)
    expect(hasher.turnMs).toBe(tookMs / share)
    const elapsedMs = await elapsed(async () => {
      for (let round = 0; round < 5; round += 1) await hasher.hash(PASSWORD)
    })
    await hasher.close()
    return elapsedMs
  }
  // By the test's clock each takes 40 ms, so at a quarter it rests for 120.
  expect(await hashed(1)).toBeLessThan(400)
  expect(await hashed(0.25)).toBeGreaterThan(5 * 3 * tookMs * 0.9)
})

test('a hasher that rests closes at once', async () => {
  await hasher.close()
  hasher = hasherWith({ share: 0.001 })
  await hasher.hash(PASSWORD)
  const waiting = hasher.hash(PASSWORD)
  await Promise.all([
    hasher.close(),
    expect(waiting).rejects.toMatchObject({ code: 'cell.unavailable' }),
  ])
})

test('a place that was taken before the look-up keeps others out, and is given back when it is not used', async () => {
  await hasher.close()
  hasher = hasherWith({ waitMsMax: 1 })
  const hash = await hasher.hash(PASSWORD)
  const looked = Promise.withResolvers<void>()
  const inTurn = hasher.inTurn(async (turn) => {
    await looked.promise
    return await hasher.verify(PASSWORD, hash, turn)
  })
  const lookUp = vi.fn(async () => {})
  await expect(hasher.inTurn(lookUp)).rejects.toMatchObject({ code: 'cell.overloaded' })
  expect(lookUp).not.toHaveBeenCalled()
  looked.resolve()
  expect(await inTurn).toEqual({ matches: true, needsRehash: false })
  await expect(hasher.inTurn(() => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  expect(await hasher.inTurn(async () => 'let in')).toBe('let in')
})

test('a thread that dies fails its own job alone, and is replaced', async () => {
  const started = once(process, 'worker') as Promise<[Worker]>
  const failing = hasher.hash(PASSWORD)
  const next = hasher.hash(PASSWORD)
  const [worker] = await started
  await Promise.all([worker.terminate(), expect(failing).rejects.toThrow('a thread that hashes')])
  expect((await hasher.verify(PASSWORD, await next)).matches).toBe(true)
})

test('what waits fails when the hasher is closed, and so does what comes after', async () => {
  const calls = [hasher.hash(PASSWORD), hasher.hash(PASSWORD)]
  const closed = hasher.close()
  expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ])
  await closed
  await expect(hasher.hash(PASSWORD)).rejects.toMatchObject({ code: 'cell.unavailable' })
})

/** Each hash of the next thread takes so long, by the clock. */
function hashesTake(ms: number): void {
  process.once('worker', (worker) => {
    worker.prependListener('message', () => {
      now += ms
    })
  })
}

function retryAfterOf(error: unknown): number {
  if (!(error instanceof Problem) || error.code !== 'cell.overloaded') throw error
  return error.retryAfterSeconds!
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** The nice value of a thread: the 19th field, counted behind the name, which may hold anything. */
function niceOf(path: string): number {
  const text = readFileSync(path, 'utf8')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16])
}
