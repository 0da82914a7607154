/**
 * The crowd of a storm: customers who sign in at once, as people do, which is within `ARRIVAL_SECONDS`; each from an address
 * of its own. They come back when they are told, as our own client does, until they are in. Forked with a `Crowd` in JSON; it sends what came of it.
 *
 * It stands for machines elsewhere, so it runs at a low priority on this one, and says what it took of it.
 */
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { exchange } from '../exchange.ts'
import { requestBytes } from '../signed-requests.ts'
import { CF_HEADER } from '../workerd.ts'

export interface Crowd {
  readonly port: number
  readonly emails: readonly string[]
  readonly password: string
}

export interface Outcome {
  readonly signedIn: number
  /** Answers that told somebody to come back. */
  readonly refusals: number
  readonly refusalsOfOneMax: number
  readonly waitSecondsMax: number
  readonly seconds: number
  /** What the crowd itself took of the machine. */
  readonly cpuSeconds: number
}

const PRIORITY = 10
const ATTEMPTS_MAX = 20
const ARRIVAL_SECONDS = 2

if (import.meta.main) {
  setPriority(PRIORITY)
  process.on('disconnect', () => process.exit(0))
  process.once('message', async (crowd: Crowd) => {
    process.send!(await storm(crowd).catch((error: unknown) => String(error)))
  })
}

async function storm({ port, emails, password }: Crowd): Promise<Outcome> {
  const requests = emails.map((email, index) =>
    signInRequest({ email, password }, addressOf(index)),
  )
  const startedAtMs = performance.now()
  const secondsNow = () => (performance.now() - startedAtMs) / 1e3
  const ends = await Promise.all(
    requests.map(async (request, index) => {
      await delay((index / requests.length) * ARRIVAL_SECONDS * 1e3)
      const cameAtSeconds = secondsNow()
      const refusals = await signIn(port, request)
      return { refusals, waitSeconds: secondsNow() - cameAtSeconds }
    }),
  )
  const { user, system } = process.cpuUsage()
  return {
    signedIn: ends.length,
    refusals: ends.reduce((sum, end) => sum + end.refusals, 0),
    refusalsOfOneMax: Math.max(...ends.map((end) => end.refusals)),
    waitSecondsMax: Math.max(...ends.map((end) => end.waitSeconds)),
    seconds: secondsNow(),
    cpuSeconds: (user + system) / 1e6,
  }
}

/** @returns how often they were told to come back. */
async function signIn(port: number, request: Buffer): Promise<number> {
  for (let refusals = 0; refusals < ATTEMPTS_MAX; refusals += 1) {
    const { status, headers, body } = await exchange(port, request)
    if (status === 200 && body.includes('"status":"signed_in"')) return refusals
    const seconds = Number(headers['retry-after'])
    if ((status !== 503 && status !== 429) || !(seconds >= 1)) {
      throw new Error(`a sign-in was answered ${status} without Retry-After: ${body}`)
    }
    // Within the second to which the service had to round.
    await delay((seconds + Math.random()) * 1e3)
  }
  throw new Error(`somebody was not signed in after ${ATTEMPTS_MAX} tries`)
}

export function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
}

export function signInRequest(claim: { email: string; password: string }, address: string): Buffer {
  return requestBytes({
    method: 'POST',
    path: '/v1/sessions',
    host: 'api.example.com',
    headers: {
      [CF_HEADER]: JSON.stringify({ country: 'DE' }),
      'cf-connecting-ip': address,
      'content-type': 'application/json',
    },
    body: JSON.stringify(claim),
  })
}
