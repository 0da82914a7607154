/** Chooses what carries e-mail, from a cell's configuration. */
import type { Config } from '../../config.ts'
import type { Mailer } from '../../platform/mailer.ts'
import { FolderMailer } from './folder-mailer.ts'
import { SmtpMailer } from './smtp-mailer.ts'

/** Opens no connection and makes no folder before there is something to send. */
export function openMailer(config: Config): Mailer {
  const { SMTP_URL, MAIL_FOLDER, MAIL_FROM, NODE_ENV } = config
  if (SMTP_URL !== undefined) {
    const isProduction = NODE_ENV === 'production'
    return new SmtpMailer({ url: SMTP_URL, from: MAIL_FROM, needsTls: isProduction })
  }
  // The configuration has one of both.
  return new FolderMailer({ folder: MAIL_FOLDER!, from: MAIL_FROM })
}
