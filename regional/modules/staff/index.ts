/** The staff's door: its members and their roles, and how somebody becomes one. */
import type { Module } from '../../platform/implement.ts'
import { pruneInvitations } from './invitations.ts'
import { routes } from './routes.ts'

export { createOwner, inviteOwner, type NewOwner } from './first-owner.ts'

const PRUNE_EVERY_SECONDS = 3_600

export const staff: Module = {
  name: 'staff',
  routes,
  reactions: [],
  jobs: [
    {
      name: 'prune-invitations',
      everySeconds: PRUNE_EVERY_SECONDS,
      run: ({ db }) => pruneInvitations(db),
    },
  ],
}
