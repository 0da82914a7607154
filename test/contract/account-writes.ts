/** The contracts by which people open accounts, sign in and look after both: they touch nothing that is cached for everybody. */
import type { SignedIn } from '../../shared/contracts/identity.ts'
import {
  addFactor,
  challengeFor,
  mailedToken,
  mustAsk,
  newCustomer,
  newPassword,
  newStaff,
  type Person,
  signedUp,
  signIn,
} from '../support/accounts.ts'
import { authenticatorOf } from '../support/authenticator.ts'
import type { TestCell } from '../support/cell.ts'
import { settle } from '../support/reactions.ts'
import type { Write } from './writes.ts'

function write(contract: string, run: (cell: TestCell) => Promise<unknown>): Write {
  return {
    contract: `identity.${contract}`,
    what: 'of an account',
    run: ({ cell }) => run(cell),
  }
}

/** With the token of a new customer, who may have signed in elsewhere too. */
async function asCustomer(
  cell: TestCell,
  act: (token: string, known: { person: Person; other: SignedIn }) => Promise<unknown>,
): Promise<void> {
  const person = await newCustomer(cell)
  const other = await signIn(cell, person)
  const { accessToken } = await signIn(cell, person)
  await act(accessToken, { person, other })
}

async function forgot(cell: TestCell): Promise<Person> {
  const person = await newCustomer(cell)
  await mustAsk(cell, 'post /v1/password/forgot', { body: { email: person.email } })
  await settle(cell)
  return person
}

async function begun(cell: TestCell): Promise<{ token: string; code: string }> {
  const member = await newStaff(cell)
  const { accessToken: token } = await signIn(cell, member)
  const body = { password: member.password }
  const { uri } = await mustAsk<{ uri: string }>(cell, 'post /v1/second-factor', { token, body })
  return { token, code: authenticatorOf(uri)(cell.services.clock.now()) }
}

async function signInWithFactor(cell: TestCell) {
  const member = await addFactor(cell, await newStaff(cell))
  const body = { challenge: await challengeFor(cell, member), code: member.backupCodes[0]! }
  const signed = await mustAsk<SignedIn>(cell, 'post /v1/sessions/second-factor', { body })
  return { member, token: signed.accessToken }
}

export const ACCOUNT_WRITES: readonly Write[] = [
  write('signUp', (cell) => signedUp(cell)),
  write('resendVerification', async (cell) => {
    const { email } = await signedUp(cell)
    await mustAsk(cell, 'post /v1/accounts/verification', { body: { email } })
  }),
  write('verifyEmail', (cell) => newCustomer(cell)),
  write('signIn', async (cell) => signIn(cell, await newCustomer(cell))),
  write('refreshSession', async (cell) => {
    const { refreshToken } = await signIn(cell, await newCustomer(cell))
    await mustAsk(cell, 'post /v1/sessions/refresh', { body: { refreshToken } })
  }),
  write('updateMe', (cell) =>
    asCustomer(cell, (token) =>
      mustAsk(cell, 'patch /v1/me', { token, body: { name: 'Ada', locale: 'en' } }),
    ),
  ),
  write('endSession', (cell) =>
    asCustomer(cell, (token, { other }) =>
      mustAsk(cell, `delete /v1/sessions/${other.sessionId}`, { token }),
    ),
  ),
  write('endOtherSessions', (cell) =>
    asCustomer(cell, (token) => mustAsk(cell, 'delete /v1/sessions', { token })),
  ),
  write('signOut', (cell) =>
    asCustomer(cell, (token) => mustAsk(cell, 'post /v1/sessions/end', { token })),
  ),
  write('changePassword', (cell) =>
    asCustomer(cell, (token, { person }) => {
      const body = { current: person.password, password: newPassword() }
      return mustAsk(cell, 'put /v1/password', { token, body })
    }),
  ),
  write('forgotPassword', forgot),
  write('resetPassword', async (cell) => {
    const body = { token: await mailedToken(await forgot(cell)), password: newPassword() }
    await mustAsk(cell, 'post /v1/password/reset', { body })
  }),
  write('beginSecondFactor', begun),
  write('confirmSecondFactor', async (cell) => {
    const { token, code } = await begun(cell)
    await mustAsk(cell, 'post /v1/second-factor/confirm', { token, body: { code } })
  }),
  write('signInSecondFactor', signInWithFactor),
  write('removeSecondFactor', async (cell) => {
    const { member, token } = await signInWithFactor(cell)
    const body = { password: member.password, code: member.backupCodes[1]! }
    await mustAsk(cell, 'post /v1/second-factor/remove', { token, body })
  }),
]
