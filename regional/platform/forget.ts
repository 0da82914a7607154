/** What the platform itself keeps of a person beside the tables of the modules: answers, events and jobs. */
import { sql } from 'drizzle-orm'
import type { Tx } from './database.ts'
import { statement, value } from './statement.ts'

interface Values extends Record<string, unknown> {
  callers: string[]
  subjects: string[]
  email: string | null
}

/** Of held events there are few: messages, and what asks for one, that wait for their turn. */
const forget = statement<Values, unknown>(
  'forget_person',
  sql`
  with answers as (
    delete from idempotency where caller <> 'guest' and caller = any(${value('callers')}::text[])
  ),
  events as (
    update outbox set payload = '{}', is_held = false
    where subject = any(${value('subjects')}::text[])
  ),
  messages as (
    update outbox set payload = '{}', is_held = false
    where is_held and lower(coalesce(payload->>'to', payload->>'email')) = ${value('email')}
      and not subject = any(${value('subjects')}::text[])
  )
  update pgboss.job set data = jsonb_set(data, '{payload}', '{}'), output = null
  where data->>'subject' = any(${value('subjects')}::text[])`,
)

/**
 * Deletes the remembered answers to a person's requests, and empties the payloads of events and jobs about them, wherever
 * those are on their way. A message to them that was not sent yet is not sent any more.
 *
 * @param person.callers whose idempotency keys are theirs: the account, and carts that they held as a guest.
 * @param person.email in lower case.
 * @param person.subjects what events are named for that are theirs: the account, orders and carts.
 */
export async function forgetPerson(
  tx: Tx,
  person: { callers: readonly string[]; subjects: readonly string[]; email: string | null },
): Promise<void> {
  const { callers, subjects, email } = person
  await tx.run(forget, { callers: [...callers], subjects: [...subjects], email })
}
