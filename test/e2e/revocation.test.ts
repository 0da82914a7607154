/** Whatever ends a token ends it at every edge within the feed's delay, and at a new isolate from its first request on. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../regional/config.ts'
import type { Services } from '../../regional/platform/implement.ts'
import { rotateSigningKey } from '../../regional/platform/signing-keys.ts'
import { type Client, createClient } from '../../shared/client/create-client.ts'
import type { SignedIn } from '../../shared/contracts/identity.ts'
import { FEED_STALE_MS_MAX } from '../../shared/freshness/feed.ts'
import { bundleEdge, startEdge } from '../support/edge.ts'
import { mailsTo } from '../support/mail.ts'
import { testEnvironment, testServices } from '../support/services.ts'
import { openAccount, signInAt, type TestAccount } from '../support/sign-in.ts'
import { startSystem, type TestSystem } from '../support/system.ts'

/** A poll and an answer take their time on top of what knowledge may be old. */
const ENDED_MS_MAX = FEED_STALE_MS_MAX + 1_000
const LOOK_EVERY_MS = 25
/** A process keeps the keys that it read for two seconds, and an edge asks for unknown ones every five. */
const NEXT_KEY_MS_MAX = 9_000

let system: TestSystem
let services: Services
let script: string
/** How long each end took to be seen by an edge that had honoured the token before, in milliseconds. */
const measured: Record<string, number> = {}

beforeAll(async () => {
  ;[system, script] = await Promise.all([startSystem(), bundleEdge()])
  services = testServices(system.databaseUrl)
})
afterAll(async () => {
  process.stdout.write(`a token ended at the edge after, in ms: ${JSON.stringify(measured)}\n`)
  await Promise.all([services.close(), system.close()])
})

interface Ending {
  readonly kind: TestAccount['kind']
  /** Ends the token; `undefined` is answered once it has. */
  end(parties: {
    account: TestAccount
    signedIn: SignedIn
    /** As the account, and as an owner of the cell. */
    self: Client
    owner: Client
  }): Promise<unknown>
}

const ENDINGS: Record<string, Ending> = {
  'signing out': { kind: 'customer', end: ({ self }) => self.identity.signOut() },
  'the end of the session from another device': {
    kind: 'customer',
    end: async ({ account, signedIn }) => {
      const other = await signInAt(system.edgeUrl, account)
      const { sessionId } = signedIn
      return await system
        .client({ token: other.accessToken })
        .identity.endSession({ params: { sessionId } })
    },
  },
  'a change of the password from another device': {
    kind: 'customer',
    end: async ({ account }) => {
      const other = await signInAt(system.edgeUrl, account)
      const body = { current: account.password, password: 'another horse, another battery' }
      return await system.client({ token: other.accessToken }).identity.changePassword({ body })
    },
  },
  'a password set by a mailed link': {
    kind: 'customer',
    end: async ({ account: { email }, owner }) => {
      await owner.identity.forgotPassword({ body: { email } })
      const [mail] = await mailsTo(email)
      const token = /#token=([\w-]+)/.exec(mail!.text)![1]!
      return await owner.identity.resetPassword({ body: { token, password: 'a third battery' } })
    },
  },
  'a refresh token that somebody else has used': {
    kind: 'customer',
    end: async ({ self, signedIn: { refreshToken } }) => {
      const next = await self.identity.refreshSession({ body: { refreshToken } })
      await self.identity.refreshSession({ body: { refreshToken: next.refreshToken } })
      const reused = self.identity.refreshSession({ body: { refreshToken } })
      await expect(reused).rejects.toMatchObject({ code: 'refresh.refused' })
    },
  },
  'another customer group': {
    kind: 'customer',
    end: async ({ account, owner }) => {
      await owner.customers.putCustomerGroup({
        params: { handle: 'wholesale' },
        body: { name: 'Wholesale' },
      })
      return await owner.customers.setCustomerGroup({
        params: { customerId: account.id },
        body: { group: 'wholesale' },
      })
    },
  },
  'the customer’s deactivation': {
    kind: 'customer',
    end: ({ account, owner }) =>
      owner.customers.deactivateCustomer({ params: { customerId: account.id } }),
  },
  'the customer’s erasure': {
    kind: 'customer',
    end: ({ account, owner }) =>
      owner.customers.eraseCustomer({ params: { customerId: account.id } }),
  },
  'other roles': {
    kind: 'staff',
    end: ({ account, owner }) =>
      owner.staff.setGrants({
        params: { accountId: account.id },
        body: { grants: [{ role: 'stock' }] },
      }),
  },
  'the member’s deactivation': {
    kind: 'staff',
    end: ({ account, owner }) =>
      owner.staff.deactivateMember({ params: { accountId: account.id } }),
  },
}

const statusAt = async (edgeUrl: string, token: string) => {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${edgeUrl}/v1/products?market=de&limit=1`, { headers })
  await response.arrayBuffer()
  return response.status
}

/** Milliseconds until the edge refuses the token, by a cached read that no cell is asked for. */
async function endedAfterMs(token: string, name: string): Promise<number> {
  const startedAtMs = performance.now()
  for (;;) {
    const status = await statusAt(system.edgeUrl, token)
    const ms = Math.round(performance.now() - startedAtMs)
    if (status === 401) {
      measured[name] = ms
      return ms
    }
    if (ms > ENDED_MS_MAX) throw new Error(`${name}: the token is still good after ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

async function ownerClient(): Promise<Client> {
  const owner = await openAccount(services, system.databaseUrl, { kind: 'staff', roles: ['owner'] })
  const { accessToken } = await signInAt(system.edgeUrl, owner)
  return system.client({ token: accessToken })
}

test.each(Object.entries(ENDINGS))('%s ends the token', async (name, { kind, end }) => {
  const account = await openAccount(services, system.databaseUrl, {
    kind,
    roles: kind === 'staff' ? ['catalogue'] : [],
  })
  const signedIn = await signInAt(system.edgeUrl, account)
  const { accessToken } = signedIn
  expect(await statusAt(system.edgeUrl, accessToken)).toBe(200)
  const self = system.client({ token: accessToken })
  const me = await self.identity.getMe()
  expect(me.id).toBe(account.id)
  await end({ account, signedIn, self, owner: await ownerClient() })

  const isolate = await startEdge(system.cellUrl, script)
  try {
    expect(await endedAfterMs(accessToken, name)).toBeLessThanOrEqual(ENDED_MS_MAX)
    expect(await statusAt(isolate.url, accessToken)).toBe(401)
    const atNew = createClient({
      baseUrl: isolate.url,
      token: accessToken,
      retries: { attemptsMax: 1 },
    })
    await expect(atNew.identity.getMe()).rejects.toMatchObject({ code: 'token.refused' })
  } finally {
    await isolate.close()
  }
})

test('the withdrawal of a key ends every token that it signed, and those of the next are good', async () => {
  const account = await openAccount(services, system.databaseUrl, { kind: 'customer' })
  const { accessToken } = await signInAt(system.edgeUrl, account)
  expect(await statusAt(system.edgeUrl, accessToken)).toBe(200)
  const { TOKEN_KEY_SECRET } = readConfig(testEnvironment(system.databaseUrl))
  const [header] = accessToken.split('.')
  const { kid } = JSON.parse(Buffer.from(header!, 'base64url').toString()) as { kid: string }
  await services.db.inTransaction((tx) =>
    rotateSigningKey(tx, { cell: 'eu', secret: TOKEN_KEY_SECRET }, { now: true, withdraw: [kid] }),
  )
  await endedAfterMs(accessToken, 'the withdrawal of its key')
  const statusOfNext = async () => {
    const next = await signInAt(system.edgeUrl, account)
    return await statusAt(system.edgeUrl, next.accessToken)
  }
  await expect.poll(statusOfNext, { timeout: NEXT_KEY_MS_MAX, interval: 1_000 }).toBe(200)
})
