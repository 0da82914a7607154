/** The virtual queue of those who were refused. */
import { expect, test } from 'vitest'
import { RetrySlots } from '../../../shared/limits/retry-slots.ts'

const NOW = 1_700_000_000_000

test('who is refused later comes back later, at the rate at which they can be served', () => {
  const slots = new RetrySlots({ waitMsMax: 600_000 })
  const costMs = 20
  const waits = Array.from({ length: 5_000 }, () =>
    slots.give({ now: NOW, freeAt: NOW + 5_000, costMs }),
  )
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  expect(waits[0]).toBe(5)
  expect(waits.at(-1)).toBe(105)
  const arrivals = Map.groupBy(waits, (seconds) => seconds)
  expect(Math.max(...[...arrivals.values()].map((each) => each.length))).toBeLessThanOrEqual(50)
})

test('a slot that passes unused costs nothing: the next is as near as the queue lets it be', () => {
  const slots = new RetrySlots({ waitMsMax: 600_000 })
  for (let given = 0; given < 1_000; given += 1) slots.give({ now: NOW, freeAt: NOW, costMs: 20 })
  const later = NOW + 60_000
  expect(slots.give({ now: later, freeAt: later + 3_000, costMs: 20 })).toBe(3)
})

test('nobody is told to wait longer than the cap, nor less than a second', () => {
  const slots = new RetrySlots({ waitMsMax: 600_000 })
  expect(slots.give({ now: NOW, freeAt: NOW, costMs: 20 })).toBe(1)
  const waits = Array.from({ length: 100_000 }, () =>
    slots.give({ now: NOW, freeAt: NOW, costMs: 20 }),
  )
  expect(Math.max(...waits)).toBe(600)
})
