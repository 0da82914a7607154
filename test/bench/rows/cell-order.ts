/**
 * Placing an order of three lines through the cell's HTTP, against the same statements in the same transactions from
 * the driver. Both sides start from copies of one database with the same filled carts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { owned, stopped } from '../child.ts'
import { loadOnce } from '../load.ts'
import { type Contest, median, type Plan, type Sample } from '../measure.ts'
import { openCarts, recordOrders } from '../orders.ts'
import { type Recording, roundTripsOf } from '../recorded.ts'
import { signedRequest } from '../signed-requests.ts'
import type { Stage } from '../stage.ts'

const FLOOR = fileURLToPath(new URL('../floors/order-loop.ts', import.meta.url))
const CONNECTIONS = 8
/** A turn is so many orders, not so many seconds: each is placed once. Ours places more a second. */
const ORDERS_PER_SECOND = 300

export async function cellOrder(stage: Stage, plan: Plan): Promise<Contest> {
  const perTurn = plan.secondsPerTurn * ORDERS_PER_SECOND
  const requests = await openCarts(await stage.clone('carts'), perTurn * (plan.turns + 1))
  const recordings = await recordOrders(await stage.clone('orders_recorded', 'carts'), requests)
  const floorUrl = await stage.clone('orders_floor', 'carts')
  const oursUrl = await stage.clone('orders_ours', 'carts')
  const cell = await stage.startCell('orders_ours')
  const floor = await startFloor(floorUrl)
  const ofTurn = <T>(all: readonly T[], turn: number) =>
    all.slice(turn * perTurn, (turn + 1) * perTurn)
  const host = `127.0.0.1:${cell.port}`
  return {
    floor: (turn) => replayed(floor, ofTurn(recordings, turn)),
    ours: (turn) =>
      loadOnce({
        port: cell.port,
        connections: CONNECTIONS,
        requests: ofTurn(requests, turn).map((each) => signedRequest({ ...each, host })),
      }),
    notes: { roundTrips: median(recordings.map(roundTripsOf)) },
    verify: async () => {
      const [one, other] = [await countsIn(floorUrl), await countsIn(oursUrl)]
      if (one !== other) throw new Error(`floor and ours wrote differently: ${one} and ${other}`)
    },
    close: async () => {
      await stopped(floor)
      await cell.stop()
    },
  }
}

async function startFloor(databaseUrl: string): Promise<ChildProcess> {
  const child = owned(
    fork(FLOOR, [databaseUrl, String(CONNECTIONS)], { serialization: 'advanced' }),
  )
  await once(child, 'message')
  return child
}

async function replayed(floor: ChildProcess, recordings: readonly Recording[]): Promise<Sample> {
  const answered = once(floor, 'message')
  floor.send(recordings as Recording[])
  const [sample] = (await answered) as [Sample]
  return sample
}

/** What the orders left behind, table by table. */
async function countsIn(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query(`select
    (select count(*) from "order" where state = 'confirmed') as orders,
    (select count(*) from order_line) as lines,
    (select sum(available) from stock_level) as stock,
    (select count(*) from stock_movement) as movements,
    (select count(*) from payment where state = 'captured') as payments,
    (select count(*) from idempotency where state = 'done') as answers`)
  await client.end()
  return JSON.stringify(rows[0])
}
