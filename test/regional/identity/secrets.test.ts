/** What must be nowhere once it has served: passwords, tokens and codes in no table and no log, addresses in one column. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { systemClock } from '../../../regional/platform/clock.ts'
import type { SignedIn } from '../../../shared/contracts/identity.ts'
import {
  addFactor,
  ask,
  challengeFor,
  mailedToken,
  mustAsk,
  newAddress,
  newPassword,
  newStaff,
  type Person,
  signIn,
  trySignIn,
} from '../../support/accounts.ts'
import { type CellCall, requestOf, type TestCell } from '../../support/cell.ts'
import { type CellProcess, startCellProcess } from '../../support/cell-process.ts'
import { cloneDatabase, queryRows } from '../../support/database.ts'
import { signRequest } from '../../support/keys.ts'
import { mailsTo } from '../../support/mail.ts'
import { testServices } from '../../support/services.ts'

const SETTLED_MS_MAX = 20_000

let cell: TestCell
let running: CellProcess
/** By what they are: all that was given out or made up. */
const secrets = new Map<string, string>()
const addresses: string[] = []

beforeAll(async () => {
  const url = await cloneDatabase()
  running = await startCellProcess(url, { LOG_LEVEL: 'debug' })
  const services = testServices(url)
  cell = {
    url,
    services,
    call: (method: string, path: string, call: CellCall = {}) =>
      fetch(running.url + path, requestOf(method, path, call, systemClock)),
    close: async () => {
      await services.close()
      await running.end()
    },
  }
  await useAsCustomer()
  await useAsStaff()
  await settled()
})
afterAll(() => cell?.close())

function keep(what: string, secret: string): string {
  secrets.set(`${what} ${secrets.size}`, secret)
  return secret
}

function kept(signed: SignedIn): SignedIn {
  keep('an access token', signed.accessToken)
  keep('a refresh token', signed.refreshToken)
  return signed
}

const password = () => keep('a password', newPassword())

async function refreshed({ refreshToken }: SignedIn): Promise<SignedIn> {
  const body = { refreshToken }
  return kept(await mustAsk<SignedIn>(cell, 'post /v1/sessions/refresh', { body }))
}

async function useAsCustomer(): Promise<void> {
  const person: Person = { kind: 'customer', email: newAddress(), password: password() }
  const { email } = person
  addresses.push(email)
  const body = { email, password: person.password, name: 'Ada' }
  await mustAsk(cell, 'post /v1/accounts', { body })
  await mailsTo(email, 1)
  const link = keep('a link that proves', await mailedToken(person))
  await trySignIn(cell, person)
  const proof = { token: link, password: person.password }
  await mustAsk(cell, 'post /v1/accounts/verify', { body: proof })
  await mustAsk(cell, 'post /v1/accounts', { body: { ...body, password: password() } })
  await trySignIn(cell, { ...person, password: password() })
  await failingSignIn(person)
  await cutBody(person)
  const first = kept(await signIn(cell, person))
  await refreshed(await refreshed(first))
  await ask(cell, 'post /v1/sessions/refresh', { body: { refreshToken: first.refreshToken } })
  const { accessToken: token } = kept(await signIn(cell, person))
  const change = { current: person.password, password: password() }
  kept(await mustAsk<SignedIn>(cell, 'put /v1/password', { token, body: change }))
  await mustAsk(cell, 'post /v1/password/forgot', { body: { email } })
  const isReset = async () => expect((await mailsTo(email))[0]!.text).toContain('/reset-password#')
  await vi.waitFor(isReset, { timeout: SETTLED_MS_MAX, interval: 50 })
  const reset = keep('a link that resets', await mailedToken(person))
  await mustAsk(cell, 'post /v1/password/reset', { body: { token: reset, password: password() } })
}

/** What a driver says of a statement that failed holds all of its parameters. */
async function failingSignIn(person: Person): Promise<void> {
  await queryRows(cell.url, 'alter table session add constraint none check (false) not valid')
  expect((await trySignIn(cell, person)).status).toBe(500)
  await queryRows(cell.url, 'alter table session drop constraint none')
}

/** What a parser says of a body holds some of it. */
async function cutBody({ email, password }: Person): Promise<void> {
  const body = JSON.stringify({ email, password }).slice(0, -2)
  const url = `${running.url}/v1/sessions`
  const headers = signRequest({ method: 'POST', url, headers: new Headers(), body })
  const { status } = await fetch(url, { method: 'POST', headers, body })
  expect(status).toBe(400)
}

async function useAsStaff(): Promise<void> {
  const member = await newStaff(cell, 'owner')
  addresses.push(member.email)
  keep('a password', member.password)
  const { uri, backupCodes, ...holder } = await addFactor(cell, member)
  keep('what a device knows', new URL(uri).searchParams.get('secret')!)
  for (const code of backupCodes) keep('a backup code', code)
  const challenge = keep('a challenge', await challengeFor(cell, holder))
  const complete = (code: string) =>
    ask<SignedIn>(cell, 'post /v1/sessions/second-factor', { body: { challenge, code } })
  expect((await complete('AAAAA-AAAAA')).status).toBe(401)
  kept((await complete(backupCodes[0]!)).body)
}

/** Until every mail was sent, and what was needed for it was forgotten. */
async function settled(): Promise<void> {
  const text = `select 1 from outbox where is_held or dispatched_at is null`
  const look = async () => expect(await queryRows(cell.url, text)).toEqual([])
  await vi.waitFor(look, { timeout: SETTLED_MS_MAX, interval: 50 })
}

/** Every row of every table, whoever made it, as text. */
async function rowsByTable(): Promise<Map<string, string>> {
  const tables = await queryRows<{ name: string }>(
    cell.url,
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  const contents = new Map<string, string>()
  for (const { name } of tables) {
    const rows = await queryRows(cell.url, `select to_jsonb(row)::text as text from ${name} row`)
    contents.set(name, JSON.stringify(rows))
  }
  return contents
}

test('no table holds a secret that can be read, and each was looked for where it would be', async () => {
  const contents = await rowsByTable()
  expect(contents.size).toBeGreaterThan(20)
  expect(contents.get('public.credential')).toContain('$argon2id$')
  expect(secrets.size).toBeGreaterThan(20)
  const found: string[] = []
  for (const [what, secret] of secrets) {
    expect(secret.length, what).toBeGreaterThan(9)
    for (const [name, text] of contents) if (text.includes(secret)) found.push(`${what}: ${name}`)
  }
  expect(found).toEqual([])
})

test('an address is in the account’s row, and in no other', async () => {
  for (const address of addresses) {
    const holding = [...(await rowsByTable())].filter(([, text]) => text.includes(address))
    expect(holding.map(([name]) => name)).toEqual(['public.account'])
  }
})

test('no log has a secret, an address or a name, even where something failed', () => {
  const log = running.output()
  expect(log).toContain('signInSecondFactor')
  expect(log).toContain('"code":"internal"')
  expect(log).toContain('"code":"request.malformed"')
  for (const secret of [...secrets.values(), ...addresses, 'Ada']) expect(log).not.toContain(secret)
  expect(log).not.toContain('argon2id')
})
