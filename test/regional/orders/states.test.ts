import { expect, test } from 'vitest'
import { nextState, ORDER_STATES } from '../../../regional/modules/orders/states.ts'
import { OrderState } from '../../../shared/contracts/orders.ts'

const outcomes = ['captured', 'declined', 'cancelled'] as const

test('every state of an order and every outcome of its payment has the one answer written here', () => {
  const table = OrderState.options.flatMap((state) =>
    outcomes.map((outcome) => `${state} + ${outcome} = ${nextState(state, outcome)}`),
  )
  expect(table).toEqual([
    'payment_pending + captured = confirmed',
    'payment_pending + declined = payment_failed',
    'payment_pending + cancelled = payment_failed',
    'confirmed + captured = null',
    'confirmed + declined = null',
    'confirmed + cancelled = null',
    'payment_failed + captured = null',
    'payment_failed + declined = null',
    'payment_failed + cancelled = null',
  ])
  expect(Object.keys(ORDER_STATES).sort()).toEqual([...OrderState.options].sort())
})
