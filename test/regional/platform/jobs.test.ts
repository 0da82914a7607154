/** Reactions and recurring jobs, on a real queue in a real database. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Module, Services, StoredEvent } from '../../../regional/platform/implement.ts'
import { bossOn, DEAD_LETTER_QUEUE, type Jobs, startJobs } from '../../../regional/platform/jobs.ts'
import { dispatchEvents, pruneOutbox } from '../../../regional/platform/outbox.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { testServices } from '../../support/services.ts'

let url: string
let services: Services
let running: Jobs[]

beforeEach(async () => {
  url = await cloneDatabase()
  services = testServices(url)
  running = []
})

afterEach(async () => {
  await Promise.all(running.map((jobs) => jobs.stop()))
  await services.close()
})

async function start(module: Partial<Module>): Promise<Jobs> {
  const whole: Module = { name: 'test', routes: () => [], reactions: [], jobs: [], ...module }
  const jobs = await startJobs(services, [whole])
  running.push(jobs)
  return jobs
}

function publish(type: string, subject: string) {
  return services.db.inTransaction(async (tx) => {
    tx.publish({ type, subject, payload: { subject } })
  })
}

function reaction(name: string, on: string, run: (event: StoredEvent) => Promise<void>) {
  return { name, on, run: (_: Services, event: StoredEvent) => run(event) }
}

describe('reactions', () => {
  test('an event reaches every reaction to its type, and no other', async () => {
    const seen: string[] = []
    const note = (label: string) => async (event: StoredEvent) => {
      seen.push(`${label} ${event.type} ${event.subject} ${event.payload.subject}`)
    }
    await start({
      reactions: [
        reaction('first', 'tea.brewed', note('first')),
        reaction('second', 'tea.brewed', note('second')),
        reaction('other', 'tea.drunk', note('other')),
      ],
    })
    await publish('tea.brewed', 'pot-1')
    await vi.waitFor(() => expect(seen).toHaveLength(2), 5_000)
    expect(seen.sort()).toEqual(['first tea.brewed pot-1 pot-1', 'second tea.brewed pot-1 pot-1'])
    const rows = await queryRows<{ waiting: number }>(
      url,
      'select count(*)::int as waiting from outbox where dispatched_at is null',
    )
    expect(rows).toEqual([{ waiting: 0 }])
  })

  test('an event is reacted to within half a second of its commit', async () => {
    const seen: string[] = []
    await start({
      reactions: [reaction('quick', 'tea.brewed', async ({ subject }) => void seen.push(subject))],
    })
    const published = performance.now()
    await publish('tea.brewed', 'pot-1')
    await vi.waitFor(() => expect(seen).toEqual(['pot-1']), { timeout: 5_000, interval: 5 })
    expect(performance.now() - published).toBeLessThan(500)
  })

  test('a transaction that rolls back publishes nothing', async () => {
    const seen: string[] = []
    await start({
      reactions: [reaction('strict', 'tea.brewed', async ({ subject }) => void seen.push(subject))],
    })
    const spilt = services.db.inTransaction(async (tx) => {
      tx.publish({ type: 'tea.brewed', subject: 'spilt', payload: {} })
      throw new Error('spilt')
    })
    await expect(spilt).rejects.toThrow('spilt')
    await publish('tea.brewed', 'whole')
    await vi.waitFor(() => expect(seen).toEqual(['whole']), 5_000)
  })

  test('a failing reaction is run again, and the others do not wait for it', async () => {
    let attempts = 0
    const calm: string[] = []
    await start({
      reactions: [
        reaction('shaky', 'tea.brewed', async () => {
          attempts += 1
          if (attempts === 1) throw new Error('no milk')
        }),
        reaction('calm', 'tea.brewed', async ({ id }) => void calm.push(id)),
      ],
    })
    await publish('tea.brewed', 'pot-1')
    await vi.waitFor(() => expect(calm).toHaveLength(1), 5_000)
    await vi.waitFor(() => expect(attempts).toBe(2), 15_000)
  })

  test('a job keeps the reason of a failure without the words of a driver', async () => {
    let failed = false
    await start({
      reactions: [
        reaction('driver', 'tea.brewed', async () => {
          failed = true
          throw Object.assign(new Error('Key (email)=(jane@example.com) exists'), { code: '23505' })
        }),
      ],
    })
    await publish('tea.brewed', 'pot-1')
    await vi.waitFor(() => expect(failed).toBe(true), 5_000)
    const output = async () =>
      await queryRows<{ output: string }>(
        url,
        `select output::text from pgboss.job where name = 'driver' and output is not null`,
      )
    await vi.waitFor(async () => expect(await output()).toHaveLength(1), 5_000)
    const [row] = await output()
    expect(row!.output).toContain('23505')
    expect(row!.output).not.toContain('jane@example.com')
  })

  test('an event dispatched by a process that died is reacted to by the next', async () => {
    const boss = bossOn(services.db)
    await boss.start()
    await boss.createQueue(DEAD_LETTER_QUEUE)
    await boss.createQueue('late')
    await publish('tea.brewed', 'orphan')
    const seen: string[] = []
    const late = reaction('late', 'tea.brewed', async ({ subject }) => void seen.push(subject))
    const dispatched = await dispatchEvents({ boss, db: services.db, reactions: [late] })
    expect(dispatched).toEqual({ queues: ['late'], full: false })
    await boss.stop({ graceful: false })
    expect(seen).toEqual([])
    await start({ reactions: [late] })
    await vi.waitFor(() => expect(seen).toEqual(['orphan']), 5_000)
  })

  test('a dispatch that fails leaves its events for the next', async () => {
    const boss = bossOn(services.db)
    await boss.start()
    await publish('tea.brewed', 'kept')
    const missing = reaction('no-such-queue', 'tea.brewed', async () => {})
    const refused = dispatchEvents({ boss, db: services.db, reactions: [missing] })
    await expect(refused).rejects.toThrow()
    await boss.stop({ graceful: false })
    const rows = await queryRows(url, 'select subject from outbox where dispatched_at is null')
    expect(rows).toEqual([{ subject: 'kept' }])
  })

  test('two processes hand every event on once', async () => {
    const seen: string[] = []
    const module = {
      reactions: [reaction('shared', 'tea.brewed', async ({ subject }) => void seen.push(subject))],
    }
    await start(module)
    await start(module)
    const pots = Array.from({ length: 60 }, (_, index) => `pot-${index}`)
    await Promise.all(pots.map((pot) => publish('tea.brewed', pot)))
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(60), { timeout: 20_000 })
    expect(seen.sort()).toEqual(pots.sort())
  })
})

describe('recurring jobs', () => {
  test('two processes run a job once a period, and never twice at a time', async () => {
    const periods = () =>
      queryRows(url, `select id from pgboss.job where name = 'sweep' and state <> 'created'`)
    const gate = Promise.withResolvers<void>()
    const starts: number[] = []
    let ended = 0
    const run = async () => {
      starts.push(ended)
      await gate.promise
      ended += 1
    }
    const started = performance.now()
    const job = { name: 'sweep', everySeconds: 1, run }
    await start({ jobs: [job] })
    await start({ jobs: [job] })
    // The first run lasts into later periods, whose turn comes and goes.
    await vi.waitFor(async () => expect((await periods()).length).toBeGreaterThan(2), 10_000)
    expect(starts).toHaveLength(1)
    gate.resolve()
    await vi.waitFor(() => expect(starts.length).toBeGreaterThanOrEqual(3), 10_000)
    expect(starts).toEqual(starts.map((_, index) => index))
    expect(starts.length).toBeLessThanOrEqual((performance.now() - started) / 1_000 + 2)
  })

  test('a job that fails runs again in its next period', async () => {
    let runs = 0
    const run = async () => {
      runs += 1
      throw new Error('dusty')
    }
    await start({ jobs: [{ name: 'dust', everySeconds: 1, run }] })
    await vi.waitFor(() => expect(runs).toBeGreaterThanOrEqual(2), { timeout: 15_000 })
  })

  test('only what was handed on long ago leaves the outbox', async () => {
    await queryRows(
      url,
      `insert into outbox (id, type, subject, payload, dispatched_at) values
        ($1, 'a', 'old', '{}', now() - interval '8 days'),
        ($2, 'a', 'recent', '{}', now() - interval '6 days'),
        ($3, 'a', 'waiting', '{}', null)`,
      [randomUUID(), randomUUID(), randomUUID()],
    )
    await pruneOutbox(services.db)
    const rows = await queryRows(url, 'select subject from outbox order by subject')
    expect(rows).toEqual([{ subject: 'recent' }, { subject: 'waiting' }])
  })
})
