/** The notifications' door: e-mail that other modules ask for, and what carries it. */
import type { Module } from '../../platform/implement.ts'
import { reactions } from './reactions.ts'

export { type EmailRequest, emailRequested } from './events.ts'
export { mailboxPages } from './mailbox.ts'
export { openMailer } from './open-mailer.ts'

export const notifications: Module = {
  name: 'notifications',
  routes: () => [],
  reactions,
  jobs: [],
}
