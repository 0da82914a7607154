/** A cell always has an active owner, whoever asks for what, and however many at once. */
import { afterAll, beforeEach, expect, test } from 'vitest'
import { activateMember } from '../../../regional/modules/staff/activate-member.ts'
import { hasActiveOwner } from '../../../regional/modules/staff/authority.ts'
import { deactivateMember } from '../../../regional/modules/staff/deactivate-member.ts'
import { setGrants } from '../../../regional/modules/staff/set-grants.ts'
import type { Tx } from '../../../regional/platform/database.ts'
import type { Actor } from '../../../regional/platform/implement.ts'
import { Problem } from '../../../shared/problems.ts'
import { startTestCell, type TestCell } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { addMember, inTransaction, type Member } from '../../support/staff.ts'

const ROUNDS = 12

let cell: TestCell
beforeEach(async () => {
  cell ??= await startTestCell()
  await queryRows(cell.url, 'delete from staff_grant')
})
afterAll(() => cell?.close())

type Removal = (tx: Tx, actor: Actor, accountId: string) => Promise<unknown>
const strip: Removal = (tx, actor, accountId) => setGrants(tx, actor, { accountId, grants: [] })
const deactivate: Removal = (tx, actor, accountId) => deactivateMember(tx, actor, { accountId })

async function remove(removal: Removal, actor: Member, target: Member): Promise<string> {
  const who = await actor.actor()
  return await codeOf(inTransaction(cell, (tx) => removal(tx, who, target.id)))
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof Problem) return error.code
      throw error
    },
  )
}

const removals = [
  ['both are stripped', strip, strip],
  ['both are deactivated', deactivate, deactivate],
  ['one is stripped and one deactivated', strip, deactivate],
] as const

test.each(removals)(
  'of two owners who remove each other at once, one remains: %s',
  async (_, one, other) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await queryRows(cell.url, 'delete from staff_grant')
      const [a, b] = [await addMember(cell, 'owner'), await addMember(cell, 'owner')]
      const actors = [await a.actor(), await b.actor()] as const
      const outcomes = await Promise.all([
        codeOf(inTransaction(cell, (tx) => one(tx, actors[0], b.id))),
        codeOf(inTransaction(cell, (tx) => other(tx, actors[1], a.id))),
      ])
      expect(outcomes.toSorted()).toEqual(['access.denied', 'done'])
      expect(await hasActiveOwner(cell.services.db, 'eu')).toBe(true)
    }
  },
)

test('of many owners who all leave at once, one remains', async () => {
  const owners: Member[] = []
  for (let n = 0; n < 6; n += 1) owners.push(await addMember(cell, 'owner'))
  const outcomes = await Promise.all(
    owners.map((owner, n) => remove(n % 2 === 0 ? strip : deactivate, owner, owner)),
  )
  expect(outcomes.filter((code) => code === 'done')).toHaveLength(5)
  expect(outcomes.filter((code) => code === 'staff.last_owner')).toHaveLength(1)
  expect(await hasActiveOwner(cell.services.db, 'eu')).toBe(true)
})

test('the last owner can neither leave nor be removed, and nothing has changed', async () => {
  const last = await addMember(cell, 'owner')
  const inactive = await addMember(cell, 'owner')
  await remove(deactivate, last, inactive)
  const elsewhere = await addMember(cell, { role: 'owner', cell: 'us' })
  const manager = await addMember(cell, 'manager')
  for (const removal of [strip, deactivate]) {
    expect(await remove(removal, last, last)).toBe('staff.last_owner')
    expect(await remove(removal, manager, last)).toBe('access.denied')
    expect(await remove(removal, inactive, last)).toBe('access.denied')
    expect(await remove(removal, elsewhere, last)).toBe('access.denied')
  }
  const rows = await queryRows(cell.url, 'select status from account where id = $1', [last.id])
  expect(rows).toEqual([{ status: 'active' }])
  expect((await last.grants()).size).toBeGreaterThan(10)
})

test('an owner who is inactive counts again once they are activated', async () => {
  const [first, second] = [await addMember(cell, 'owner'), await addMember(cell, 'owner')]
  expect(await remove(deactivate, first, second)).toBe('done')
  expect(await remove(strip, first, first)).toBe('staff.last_owner')
  const actor = await first.actor()
  await inTransaction(cell, (tx) => activateMember(tx, actor, { accountId: second.id }))
  expect(await remove(strip, first, first)).toBe('done')
})

test('somebody who was removed cannot give anything back, though their token still says so', async () => {
  const [owner, removed] = [await addMember(cell, 'owner'), await addMember(cell, 'owner')]
  const actor = await removed.actor()
  expect(await remove(strip, owner, removed)).toBe('done')
  const grants = [{ role: 'owner', cell: null, channel: null }]
  const again = inTransaction(cell, (tx) => setGrants(tx, actor, { accountId: removed.id, grants }))
  expect(await codeOf(again)).toBe('access.denied')
  expect((await removed.grants()).size).toBe(0)
})
