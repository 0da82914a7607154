/** The contracts of accounts and sessions, each bound to its verb. */
import { contracts } from '../../../shared/contracts/index.ts'
import { implement } from '../../platform/implement.ts'
import { askForLink } from './ask-for-link.ts'
import { me, updateMe } from './me.ts'
import { beginOwnFactor, confirmOwnFactor, removeOwnFactor } from './own-factor.ts'
import { identityParts } from './parts.ts'
import { changePassword, resetPassword } from './passwords.ts'
import {
  endOtherSessions,
  endOwnSession,
  ownSessions,
  refreshSession,
  signOut,
} from './sessions.ts'
import { signIn, signInSecondFactor } from './sign-in.ts'
import { signUp, verifyEmail } from './sign-up.ts'

const CHECK_EMAIL = { status: 'check_email' } as const
const DONE = { status: 'done' } as const

export const routes = implement(contracts.identity, (services) => {
  const parts = identityParts(services)
  return {
    signUp: async ({ db, actor, body, locale }) => {
      await signUp(parts, { db, actor }, { ...body, locale: body.locale ?? locale })
      return CHECK_EMAIL
    },
    verifyEmail: async ({ db, actor, body }) => {
      await verifyEmail(parts, { db, actor }, body)
      return DONE
    },
    resendVerification: async ({ db, body: { email } }) => {
      await askForLink(parts, db, { purpose: 'verify', kind: 'customer', email })
      return CHECK_EMAIL
    },
    forgotPassword: async ({ db, body: { email, kind } }) => {
      await askForLink(parts, db, { purpose: 'reset', kind, email })
      return CHECK_EMAIL
    },
    resetPassword: async ({ db, actor, body }) => {
      await resetPassword(parts, { db, actor }, body)
      return DONE
    },
    changePassword: ({ db, actor, body }) => changePassword(parts, { db, actor }, body),

    signIn: ({ db, actor, userAgent, body }) => signIn(parts, { db, actor, userAgent }, body),
    signInSecondFactor: ({ db, actor, userAgent, body }) =>
      signInSecondFactor(parts, { db, actor, userAgent }, body),
    refreshSession: ({ db, actor, body }) =>
      refreshSession(parts, { db, actor }, body.refreshToken),
    signOut: async ({ db, actor }) => {
      await db.inTransaction((tx) => signOut(tx, actor))
      return DONE
    },
    listSessions: ({ db, actor }) => ownSessions(db, actor),
    endSession: async ({ db, actor, params }) => {
      await db.inTransaction((tx) => endOwnSession(tx, actor, params.sessionId))
      return DONE
    },
    endOtherSessions: async ({ db, actor }) => {
      await db.inTransaction((tx) => endOtherSessions(tx, actor))
      return DONE
    },

    beginSecondFactor: ({ db, actor, body }) => beginOwnFactor(parts, { db, actor }, body),
    confirmSecondFactor: async ({ db, actor, body }) => {
      await db.inTransaction((tx) => confirmOwnFactor(tx, parts, actor, body))
      return DONE
    },
    removeSecondFactor: async ({ db, actor, body }) => {
      await removeOwnFactor(parts, { db, actor }, body)
      return DONE
    },

    getMe: ({ db, actor }) => me(db, services, actor),
    updateMe: ({ db, actor, body }) =>
      db.inTransaction((tx) => updateMe(tx, services, actor, body)),
  }
})
