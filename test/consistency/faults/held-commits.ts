/** Tagged transactions that wait between the tick of the clock and their commit, with every lock held. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Scene } from '../scene.ts'
import type { Fault } from './index.ts'

/** A trigger that fires at the commit, before it takes effect, and sleeps now and then. */
const HOLD = `
  create function held_commit() returns trigger language plpgsql as $$
  begin
    if random() < 0.25 then perform pg_sleep(0.1 + random() * 0.7); end if;
    return null;
  end $$;
  create constraint trigger held_commit after insert on feed_change
    deferrable initially deferred for each row execute function held_commit()`
const RELEASE = 'drop trigger held_commit on feed_change; drop function held_commit()'

const SELECT_HELD = `
  select pid from pg_stat_activity
  where datname = current_database() and wait_event = 'PgSleep' and pid <> pg_backend_pid()`

const LOOK_EVERY_MS = 20

export const heldTransaction: Fault = {
  name: 'held-transaction',
  about: 'write transactions stay open between their tick and their commit',
  run: (scene) =>
    whileHeld(scene, async () => {
      scene.happened += (await scene.query(SELECT_HELD)).length
    }),
}

export const writerDies: Fault = {
  name: 'writer-dies',
  about: 'a backend is ended between its tick and its commit',
  run: (scene) =>
    whileHeld(scene, async () => {
      for (const { pid } of await scene.query<{ pid: number }>(SELECT_HELD)) {
        if (scene.random.chance(0.5)) continue
        await scene.query('select pg_terminate_backend($1)', [pid])
        scene.happened += 1
      }
    }),
}

async function whileHeld(scene: Scene, look: () => Promise<void>): Promise<void> {
  await scene.query(HOLD)
  while (!scene.isHealing) {
    await look()
    await delay(LOOK_EVERY_MS)
  }
  await scene.query(RELEASE)
}
