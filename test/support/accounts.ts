/** People with accounts, made by what the product does: signed up, verified, taken on, signed in. */
import { randomBytes, randomUUID } from 'node:crypto'
import { changeGrants } from '../../regional/modules/access/index.ts'
import { createStaffAccount } from '../../regional/modules/identity/index.ts'
import type { Clock } from '../../regional/platform/clock.ts'
import type { SecondFactorNeeded, SignedIn } from '../../shared/contracts/identity.ts'
import type { ProblemDetails } from '../../shared/problems.ts'
import { authenticatorOf } from './authenticator.ts'
import type { CellCall, TestCell } from './cell.ts'
import { mailsTo } from './mail.ts'
import { settle } from './reactions.ts'

export interface Person {
  readonly kind: 'customer' | 'staff'
  readonly email: string
  readonly password: string
}

/** A member of the staff, with the device and the codes of their second factor. */
export interface FactorHolder extends Person {
  readonly backupCodes: readonly string[]
  /** What the QR code held. */
  readonly uri: string
  /** What the device shows. */
  code(now: Date): string
}

export interface Answer<T = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  /** What is asked for, or a problem. */
  readonly body: T & Pick<Partial<ProblemDetails>, 'code' | 'errors'>
}

export function newPassword(): string {
  return randomBytes(18).toString('base64url')
}

export function newAddress(): string {
  return `${randomUUID()}@people.test`
}

/** A clock that goes on only when it is told to, from the time it is: Postgres's own goes on as ever. */
export function handClock(): Clock & { advance(seconds: number): void } {
  let atMs = Date.now()
  return {
    now: () => new Date(atMs),
    advance: (seconds) => {
      atMs += seconds * 1_000
    },
  }
}

export async function ask<T = Record<string, unknown>>(
  cell: TestCell,
  request: `${string} /${string}`,
  call: CellCall = {},
): Promise<Answer<T>> {
  const [method, path] = request.split(' ') as [string, string]
  const response = await cell.call(method, path, { idempotencyKey: null, ...call })
  const { status, headers } = response
  return { status, headers, body: (await response.json()) as Answer<T>['body'] }
}

/** @throws {Error} with the refusal, for whatever was to succeed. */
export async function mustAsk<T = Record<string, unknown>>(
  ...asked: Parameters<typeof ask>
): Promise<T> {
  const { status, body } = await ask<T & object>(...asked)
  if (status >= 300) throw new Error(`${asked[1]}: ${JSON.stringify(body)}`)
  return body
}

/** Signs up, and follows no link yet. */
export async function signedUp(
  cell: TestCell,
  given: { email?: string; password?: string; name?: string; locale?: string } = {},
): Promise<Person> {
  const { email = newAddress(), password = newPassword(), ...rest } = given
  await mustAsk(cell, 'post /v1/accounts', { body: { email, password, ...rest } })
  await settle(cell)
  return { kind: 'customer', email: email.toLowerCase(), password }
}

/** The token of the link that was mailed last. */
export async function mailedToken({ email }: Pick<Person, 'email'>): Promise<string> {
  const [mail] = await mailsTo(email.toLowerCase())
  const [, token] = /#token=([\w.-]+)/.exec(mail!.text) ?? []
  if (token === undefined) throw new Error(`there is no link in: ${mail!.subject}`)
  return token
}

export async function newCustomer(
  cell: TestCell,
  given: Parameters<typeof signedUp>[1] = {},
): Promise<Person> {
  const person = await signedUp(cell, given)
  const token = await mailedToken(person)
  const body = { token, password: person.password }
  await mustAsk(cell, 'post /v1/accounts/verify', { body })
  return person
}

/** A member of the staff with roles in every cell and channel. */
export async function newStaff(cell: TestCell, ...roles: string[]): Promise<Person> {
  const { db, passwords, config } = cell.services
  const [email, password] = [newAddress(), newPassword()]
  const passwordHash = await passwords.hash(password)
  await db.inTransaction(async (tx) => {
    const member = { cell: config.CELL, email, name: null, passwordHash }
    const accountId = (await createStaffAccount(tx, member))!
    const added = roles.map((role) => ({ role, cell: null, channel: null }))
    await changeGrants(tx, { accountId, removed: [], added, grantedBy: 'test' })
  })
  return { kind: 'staff', email, password }
}

export async function trySignIn(
  cell: TestCell,
  { kind, email, password }: Person,
  more: { cart?: { id: string; secret: string }; headers?: Record<string, string> } = {},
): Promise<Answer<SignedIn | SecondFactorNeeded>> {
  const { cart, headers = {} } = more
  const taken = cart === undefined ? {} : { cart: { id: cart.id, secret: cart.secret } }
  const body = { kind, email, password, ...taken }
  return await ask(cell, 'post /v1/sessions', { body, headers })
}

/** @throws {Error} when anything else is the answer, a second factor too. */
export async function signIn(
  cell: TestCell,
  person: Person,
  more: Parameters<typeof trySignIn>[2] = {},
): Promise<SignedIn> {
  const { body } = await trySignIn(cell, person, more)
  if (body.status !== 'signed_in') throw new Error(JSON.stringify(body))
  return body as SignedIn
}

/** Sets a second factor up and puts it in force, at the cell's own time. */
export async function addFactor(cell: TestCell, member: Person): Promise<FactorHolder> {
  const { accessToken: token } = await signIn(cell, member)
  const { uri, backupCodes } = await mustAsk<{ uri: string; backupCodes: string[] }>(
    cell,
    'post /v1/second-factor',
    { token, body: { password: member.password } },
  )
  const code = authenticatorOf(uri)
  await mustAsk(cell, 'post /v1/second-factor/confirm', {
    token,
    body: { code: code(cell.services.clock.now()) },
  })
  return { ...member, uri, backupCodes, code }
}

/** @throws {Error} when no second factor is asked for. */
export async function challengeFor(cell: TestCell, member: Person): Promise<string> {
  const { body } = await trySignIn(cell, member)
  if (body.status !== 'second_factor_needed') throw new Error(JSON.stringify(body))
  return (body as SecondFactorNeeded).challenge
}
