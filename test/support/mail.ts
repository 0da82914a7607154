/** The e-mail of a test's cells, read from the folder that they write it to. */
import { vi } from 'vitest'
import { readMails, type StoredMail } from '../../regional/modules/notifications/folder-mailer.ts'
import { mailFolder } from './services.ts'

/** Waits for so many messages to an address; the newest is first. */
export async function mailsTo(address: string, count = 1): Promise<StoredMail[]> {
  return await vi.waitFor(
    async () => {
      const mails = (await readMails(mailFolder)).filter(({ to }) => to === address)
      if (mails.length < count) throw new Error(`${mails.length} messages came to ${address}`)
      return mails
    },
    { timeout: 10_000, interval: 20 },
  )
}
