/**
 * Accounts and sessions: who somebody is, and how they prove it.
 *
 * None of these takes an `Idempotency-Key`: what is remembered of one would be remembered of a password. A repeat is harmless:
 * it signs in again, sends the same mail, or finds the state already reached.
 */
import { z } from 'zod'
import { CUSTOMER_GROUP } from '../principal.ts'
import { endpoint, forward } from './endpoint.ts'
import { AccountId, CartId, Email, Locale, SessionId, text } from './fields.ts'

export const PASSWORD_LENGTH_MIN = 8
export const PASSWORD_LENGTH_MAX = 128

/** What is chosen anew; one that is only compared may be anything of that length. */
const NewPassword = text(PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN)
const Password = text(PASSWORD_LENGTH_MAX, 1)
/** Out of a link that was sent. */
const LinkToken = text(512, 16)
/** Of an authenticator app, or one of the backup codes. */
const SecondFactorCode = text(32, 6)

export const AccountKind = z.enum(['customer', 'staff'])

const CheckEmail = z.object({
  status: z
    .literal('check_email')
    .describe('A mail was sent if there was reason to; nobody is told which'),
})
const Done = z.object({ status: z.literal('done') })

export const Me = z.object({
  id: AccountId,
  kind: AccountKind,
  email: z.string(),
  name: z.string().nullable(),
  locale: Locale.nullable(),
  group: z.string().regex(CUSTOMER_GROUP).nullable().describe('The customer group, if any'),
  secondFactor: z.boolean(),
  scopes: z.array(z.string()).describe('Of staff, as in their tokens: `orders:read@web`'),
  createdAt: z.iso.datetime(),
})
export type Me = z.infer<typeof Me>

export const SignedIn = z.object({
  status: z.literal('signed_in'),
  accessToken: z.string(),
  expiresInSeconds: z.int(),
  refreshToken: z.string().describe('Good for one use: the answer brings the next'),
  sessionId: SessionId,
  accountId: AccountId,
  cartId: CartId.nullable().describe('The customer’s open cart, with the guest’s lines in it'),
})
export type SignedIn = z.infer<typeof SignedIn>

export const SecondFactorNeeded = z.object({
  status: z.literal('second_factor_needed'),
  challenge: z.string(),
  expiresInSeconds: z.int(),
})

export type SecondFactorNeeded = z.infer<typeof SecondFactorNeeded>

const signInResponse = z.discriminatedUnion('status', [SignedIn, SecondFactorNeeded])

export const signUp = endpoint({
  method: 'post',
  path: '/v1/accounts',
  summary: 'Opens a customer’s account; the mail that follows proves the address',
  access: 'public',
  serve: forward(),
  limit: { policy: 'recovery', account: 'email' },
  request: {
    body: z.strictObject({
      email: Email,
      password: NewPassword,
      name: text(200).optional(),
      locale: Locale.optional(),
    }),
  },
  response: CheckEmail,
  problems: [],
})

export const verifyEmail = endpoint({
  method: 'post',
  path: '/v1/accounts/verify',
  summary:
    'Proves an e-mail address by the link that was sent and the password; what a guest ordered with it is the customer’s from then on',
  access: 'public',
  serve: forward(),
  limit: { policy: 'sign-in', account: 'token' },
  request: { body: z.strictObject({ token: LinkToken, password: Password }) },
  response: Done,
  problems: ['link.refused', 'credentials.refused'],
})

export const resendVerification = endpoint({
  method: 'post',
  path: '/v1/accounts/verification',
  summary: 'Sends the link that proves an address again',
  access: 'public',
  serve: forward(),
  limit: { policy: 'recovery', account: 'email' },
  request: { body: z.strictObject({ email: Email }) },
  response: CheckEmail,
  problems: [],
})

export const signIn = endpoint({
  method: 'post',
  path: '/v1/sessions',
  summary: 'Signs in; the lines of a guest’s cart that is named go into the customer’s',
  access: 'public',
  serve: forward(),
  limit: { policy: 'sign-in', account: 'email' },
  request: {
    body: z.strictObject({
      email: Email,
      password: Password,
      kind: AccountKind.default('customer'),
      cart: z.strictObject({ id: CartId, secret: text(128) }).optional(),
    }),
  },
  response: signInResponse,
  problems: ['credentials.refused'],
})

export const signInSecondFactor = endpoint({
  method: 'post',
  path: '/v1/sessions/second-factor',
  summary: 'Completes a sign-in with a second factor',
  access: 'public',
  serve: forward(),
  limit: { policy: 'two-factor', account: 'challenge' },
  request: { body: z.strictObject({ challenge: LinkToken, code: SecondFactorCode }) },
  response: SignedIn,
  problems: ['credentials.refused'],
})

export const refreshSession = endpoint({
  method: 'post',
  path: '/v1/sessions/refresh',
  summary: 'The next access token; a refresh token that was used before ends the session',
  access: 'public',
  serve: forward(),
  limit: { policy: 'token', account: 'refreshToken' },
  request: { body: z.strictObject({ refreshToken: text(256, 16) }) },
  response: SignedIn,
  problems: ['refresh.refused'],
})

export const signOut = endpoint({
  method: 'post',
  path: '/v1/sessions/end',
  summary: 'Ends the caller’s session',
  access: 'account',
  serve: forward(),
  request: {},
  response: Done,
  problems: [],
})

export const Session = z.object({
  id: SessionId,
  current: z.boolean(),
  device: z.string().nullable().describe('What the client said of itself'),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime(),
})

export const listSessions = endpoint({
  method: 'get',
  path: '/v1/sessions',
  summary: 'Where the caller is signed in',
  access: 'account',
  serve: forward(),
  request: {},
  response: z.object({ items: z.array(Session) }),
  problems: [],
})

export const endSession = endpoint({
  method: 'delete',
  path: '/v1/sessions/{sessionId}',
  summary: 'Ends one of the caller’s sessions',
  access: 'account',
  serve: forward(),
  request: { params: z.strictObject({ sessionId: SessionId }) },
  response: Done,
  problems: ['session.unknown'],
})

export const endOtherSessions = endpoint({
  method: 'delete',
  path: '/v1/sessions',
  summary: 'Ends all of the caller’s sessions but this one',
  access: 'account',
  serve: forward(),
  request: {},
  response: Done,
  problems: [],
})

export const forgotPassword = endpoint({
  method: 'post',
  path: '/v1/password/forgot',
  summary: 'Sends a link by which a new password can be set',
  access: 'public',
  serve: forward(),
  limit: { policy: 'recovery', account: 'email' },
  request: {
    body: z.strictObject({ email: Email, kind: AccountKind.default('customer') }),
  },
  response: CheckEmail,
  problems: [],
})

export const resetPassword = endpoint({
  method: 'post',
  path: '/v1/password/reset',
  summary: 'Sets a new password by the link that was sent, and ends every session',
  access: 'public',
  serve: forward(),
  limit: { policy: 'sign-in', account: 'token' },
  request: { body: z.strictObject({ token: LinkToken, password: NewPassword }) },
  response: Done,
  problems: ['link.refused'],
})

export const changePassword = endpoint({
  method: 'put',
  path: '/v1/password',
  summary:
    'Changes the password, and ends every other session; the answer has the tokens of this one',
  access: 'account',
  serve: forward(),
  limit: { policy: 'sign-in' },
  request: { body: z.strictObject({ current: Password, password: NewPassword }) },
  response: SignedIn,
  problems: ['credentials.refused'],
})

export const beginSecondFactor = endpoint({
  method: 'post',
  path: '/v1/second-factor',
  summary: 'Makes the secret of an authenticator app, in force once a code of it was given',
  access: 'staff',
  serve: forward(),
  limit: { policy: 'sign-in' },
  request: { body: z.strictObject({ password: Password }) },
  response: z.object({
    uri: z.string().describe('otpauth://, to be shown as a QR code'),
    backupCodes: z.array(z.string()),
  }),
  problems: ['credentials.refused', 'factor.present'],
})

export const confirmSecondFactor = endpoint({
  method: 'post',
  path: '/v1/second-factor/confirm',
  summary: 'Puts the second factor in force',
  access: 'staff',
  serve: forward(),
  limit: { policy: 'two-factor' },
  request: { body: z.strictObject({ code: SecondFactorCode }) },
  response: Done,
  problems: ['credentials.refused', 'factor.absent'],
})

export const removeSecondFactor = endpoint({
  method: 'post',
  path: '/v1/second-factor/remove',
  summary: 'Takes the second factor away',
  access: 'staff',
  serve: forward(),
  limit: { policy: 'two-factor' },
  request: { body: z.strictObject({ password: Password, code: SecondFactorCode }) },
  response: Done,
  problems: ['credentials.refused', 'factor.absent'],
})

export const getMe = endpoint({
  method: 'get',
  path: '/v1/me',
  summary: 'Who the caller is',
  access: 'account',
  serve: forward(),
  request: {},
  response: Me,
  problems: [],
})

export const updateMe = endpoint({
  method: 'patch',
  path: '/v1/me',
  summary: 'Changes what the caller says of themselves',
  access: 'account',
  serve: forward(),
  request: {
    body: z
      .strictObject({ name: text(200).nullable().optional(), locale: Locale.nullable().optional() })
      .refine((change) => Object.keys(change).length > 0, 'nothing to change'),
  },
  response: Me,
  problems: [],
})
