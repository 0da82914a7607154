/** Changes of the feed that no writer of the run made: nothing that is read carries their tags. */
import type { Scene } from '../scene.ts'

/** So many at once, as that many transactions would have left them. */
export async function tickMany(scene: Scene, count: number): Promise<void> {
  await scene.query(
    `with tick as (
       update feed_clock set n = n + $1::int,
         history = case when origin_started_at = pg_postmaster_start_time() then history
           else 'h' || left(replace(gen_random_uuid()::text, '-', ''), 12) end,
         origin_started_at = pg_postmaster_start_time()
       where feed = 'catalogue' returning n
     )
     insert into feed_change (feed, n, tags)
     select 'catalogue', tick.n - $1::int + step, array['bystander:' || step]
     from tick, generate_series(1, $1::int) step`,
    [count],
  )
}

/** Forgets all changes but the newest, as the job that prunes does in the long run. */
export async function pruneTo(scene: Scene, kept: number): Promise<void> {
  await scene.query(
    `delete from feed_change change using feed_clock clock
     where clock.feed = change.feed and change.n <= clock.n - $1::int`,
    [kept],
  )
}
