/** Admission: a stated number at once, a stated number waiting, a stated wait. */
import { expect, test, vi } from 'vitest'
import { Admission } from '../../../regional/platform/admission.ts'

function held() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, release: resolve }
}

test('no more than the maximum run at once, and the rest follow in order of arrival', async () => {
  const admission = new Admission({ runningMax: 2, waitingMax: 10, waitMsMax: 1_000 })
  const gates = [held(), held(), held(), held()]
  const started: number[] = []
  const all = gates.map(({ promise }, index) =>
    admission.run(() => {
      started.push(index)
      return promise
    }),
  )
  expect(started).toEqual([0, 1])
  expect(admission.running).toBe(2)
  expect(admission.waiting).toBe(2)
  gates[1]!.release()
  await all[1]
  await vi.waitFor(() => expect(started).toEqual([0, 1, 2]))
  for (const gate of gates) gate.release()
  await Promise.all(all)
  expect(started).toEqual([0, 1, 2, 3])
  expect(admission.running).toBe(0)
})

test('one too many to wait is refused at once, with a time to come back', async () => {
  const admission = new Admission({ runningMax: 1, waitingMax: 1, waitMsMax: 1_000 })
  const gate = held()
  const first = admission.run(() => gate.promise)
  const second = admission.run(async () => 'second')
  const third = admission.run(async () => 'third')
  await expect(third).rejects.toMatchObject({ code: 'cell.overloaded', retryAfterSeconds: 1 })
  gate.release()
  await first
  expect(await second).toBe('second')
})

test('a wait that is too long is refused, and its work never runs', async () => {
  const admission = new Admission({ runningMax: 1, waitingMax: 5, waitMsMax: 20 })
  const gate = held()
  const first = admission.run(() => gate.promise)
  const late = vi.fn(async () => {})
  await expect(admission.run(late)).rejects.toMatchObject({ code: 'cell.overloaded' })
  gate.release()
  await first
  expect(late).not.toHaveBeenCalled()
  expect(admission.waiting).toBe(0)
})

test('work that fails gives its place back', async () => {
  const admission = new Admission({ runningMax: 1, waitingMax: 0, waitMsMax: 1_000 })
  const failing = admission.run(() => Promise.reject(new Error('spilt')))
  await expect(failing).rejects.toThrow('spilt')
  expect(await admission.run(async () => 'next')).toBe('next')
})
