/** E-mail as files in a folder, for development: what `/dev/mailbox` shows. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mailer, MailMessage } from '../../platform/mailer.ts'

/** The oldest beyond these are deleted. */
export const MAILS_MAX = 200
const ENDING = '.json'
/** What a file may be named for: an event's id. */
const ID = /^[\w-]{1,64}$/

export interface StoredMail extends MailMessage {
  readonly from: string
  readonly sentAt: Date
}

export class FolderMailer implements Mailer {
  readonly #folder: string
  readonly #from: string

  constructor({ folder, from }: { folder: string; from: string }) {
    this.#folder = folder
    this.#from = from
  }

  /** Each message is one file, there whole or not at all; one that is sent again takes its own place. */
  async send(message: MailMessage): Promise<void> {
    const { id } = message
    if (!ID.test(id)) throw new Error('a message is named by an event’s id')
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const unfinished = join(this.#folder, `${id}.unfinished`)
    const content = JSON.stringify({ ...message, from: this.#from }, null, 2)
    await writeFile(unfinished, content, { mode: 0o600 })
    await rename(unfinished, join(this.#folder, id + ENDING))
    const surplus = (await mailIds(this.#folder)).slice(MAILS_MAX)
    await Promise.all(surplus.map((old) => rm(join(this.#folder, old + ENDING), { force: true })))
  }

  close(): void {}
}

/** All messages of a folder, the newest first; none when there is no folder. */
export async function readMails(folder: string): Promise<StoredMail[]> {
  const mails = await Promise.all((await mailIds(folder)).map((id) => readMail(folder, id)))
  return mails.filter((mail) => mail !== null)
}

/** `null` when it is not there, or is being deleted. */
export async function readMail(folder: string, id: string): Promise<StoredMail | null> {
  if (!ID.test(id)) return null
  const file = join(folder, id + ENDING)
  try {
    const [content, { mtime }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return { ...(JSON.parse(content) as MailMessage & { from: string }), sentAt: mtime }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** In falling order: ids are time-ordered. */
async function mailIds(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .sort()
    .reverse()
}
