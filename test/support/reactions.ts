/** Reactions, run by hand where a test waits for no queue. */
import { modules } from '../../regional/modules/index.ts'
import type { StoredEvent } from '../../regional/platform/implement.ts'
import type { TestCell } from './cell.ts'
import { queryRows } from './database.ts'

/** Hands every event that waits to its reactions, as the dispatcher would. @returns how many reactions ran. */
export async function runReactions({ url, services }: TestCell): Promise<number> {
  const events = await queryRows<StoredEvent & { [column: string]: unknown }>(
    url,
    `with claimed as (
      update outbox set dispatched_at = now() where dispatched_at is null
      returning id, type, subject, case when is_held then '{}' else payload end as payload
    )
    select * from claimed order by id`,
  )
  let run = 0
  for (const event of events) {
    for (const module of modules) {
      for (const reaction of module.reactions.filter(({ on }) => on === event.type)) {
        await reaction.run(services, event)
        run += 1
      }
    }
  }
  return run
}

/** Until no event is left: a mail is asked for by one, and sent by the one that follows. */
export async function settle(cell: TestCell): Promise<void> {
  while ((await runReactions(cell)) > 0);
}
