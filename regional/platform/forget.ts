/** What the platform itself keeps of a person beside the tables of the modules: answers, events and jobs. */
import { sql } from 'drizzle-orm'
import type { Tx } from './database.ts'
import { statement, value } from './statement.ts'

interface Values extends Record<string, unknown> {
  callers: string[]
  subjects: string[]
  email: string | null
}

/**
 * An event of the account itself, or one that is to be told to the address, has a payload that is the person's. It is
 * emptied wherever it is on its way; whoever reacts to it finds nothing to do. Other events, such as an order's, name no person.
 */
const forget = statement<Values, unknown>(
  'forget_person',
  sql`
  with answers as (
    delete from idempotency where caller <> 'guest' and caller = any(${value('callers')}::text[])
  ),
  events as (
    update outbox set payload = '{}' where subject = any(${value('subjects')}::text[])
  ),
  messages as (
    update outbox set payload = '{}'
    where payload ? 'to' and payload->>'to' = ${value('email')}
      and not subject = any(${value('subjects')}::text[])
  )
  update pgboss.job set data = jsonb_set(data, '{payload}', '{}'), output = null
  where data->>'subject' = any(${value('subjects')}::text[])
    or data->'payload'->>'to' = ${value('email')}`,
)

/**
 * Deletes the remembered answers to a person's requests, and empties events and jobs about them.
 *
 * @param person.callers whose idempotency keys are theirs: the account, and carts that they held as a guest.
 * @param person.subjects what events are named for that are about nobody else: the account.
 */
export async function forgetPerson(
  tx: Tx,
  person: { callers: readonly string[]; subjects: readonly string[]; email: string | null },
): Promise<void> {
  const { callers, subjects, email } = person
  await tx.run(forget, { callers: [...callers], subjects: [...subjects], email })
}
