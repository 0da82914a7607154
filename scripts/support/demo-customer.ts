/** The customer's part of the demo: from signing up, with what a guest has chosen, to a token that has ended. */
import { randomBytes } from 'node:crypto'
import { type Client, createClient } from '../../shared/client/create-client.ts'
import type { Order } from '../../shared/contracts/orders.ts'
import { ADDRESS, type Visit } from './demo-visit.ts'

interface Credentials {
  email: string
  password: string
}

interface Customer {
  client: Client
  accessToken: string
}

interface Goods {
  handle: string
  sku: string
}

/** Walks on as somebody new each time. Where mail is delivered, nobody here can read the link, so it ends before. */
export async function walkAsCustomer(visit: Visit, goods: Goods): Promise<void> {
  const { walk, baseUrl } = visit
  const mailbox = await fetch(`${baseUrl}/dev/mailbox`)
  if (!mailbox.ok) return
  const credentials = {
    email: `ada-${randomBytes(6).toString('hex')}@example.com`,
    password: randomBytes(18).toString('base64url'),
  }
  await signUp(visit, credentials)
  const customer = await signInWithCart(visit, credentials, goods.sku)
  if (customer === null) return
  await buyAgain(visit, customer, credentials.email)
  await walk.step('signed out', async () => {
    const { status } = await customer.client.identity.signOut()
    return status === 'done' ? null : `is ${status}`
  })
  await walk.step('the token, refused at the edge since', async () => {
    const url = `${baseUrl}/v1/products/${goods.handle}?market=de`
    const headers = { authorization: `Bearer ${customer.accessToken}` }
    const isRefused = ({ status }: Response) => (status === 401 ? true : null)
    return (await walk.sendUntil(url, isRefused, { headers })) ? null : 'is still honoured'
  })
}

async function signUp({ walk, shopper, baseUrl }: Visit, credentials: Credentials): Promise<void> {
  let link: string | null = null
  await walk.step('an account opened', async () => {
    const { status } = await shopper.identity.signUp({ body: { ...credentials, name: 'Ada' } })
    return status === 'check_email' ? null : `is ${status}`
  })
  await walk.step('its mail, in the mailbox', async () => {
    const path = await walk.sendUntil(`${baseUrl}/dev/mailbox`, async (response) =>
      mailTo(credentials.email, await response.text()),
    )
    if (path === null) return 'does not come'
    const page = await fetch(baseUrl + path)
    link = /#token=([^\s"&<]+)/.exec(await page.text())?.[1] ?? null
    return link === null ? 'has no link' : null
  })
  await walk.step('the address proved by its link', async () => {
    const token = decodeURIComponent(link ?? 'no-link-has-come')
    const body = { token, password: credentials.password }
    const { status } = await shopper.identity.verifyEmail({ body })
    return status === 'done' ? null : `is ${status}`
  })
}

/** Where the newest message to an address is, in the mailbox's page. */
function mailTo(email: string, page: string): string | null {
  const before = page.slice(0, Math.max(0, page.indexOf(`>${email}<`)))
  const paths = [...before.matchAll(/href="(\/dev\/mailbox\/[\w-]+)"/g)]
  return paths.at(-1)?.[1] ?? null
}

/** @returns the customer, or `null` when they could not sign in. */
async function signInWithCart(
  { walk, shopper, baseUrl }: Visit,
  credentials: Credentials,
  sku: string,
): Promise<Customer | null> {
  let guest: { id: string; secret: string } | undefined
  let customer: Customer | null = null
  await walk.step('a cart of a guest', async () => {
    const body = { market: 'de', lines: [{ sku, quantity: 1 }] }
    const { cart, secret } = await shopper.carts.createCart({ body })
    guest = { id: cart.id, secret: secret ?? '' }
    return null
  })
  await walk.step('signed in, with that cart', async () => {
    const body = { ...credentials, ...(guest && { cart: guest }) }
    const answer = await shopper.identity.signIn({ body })
    if (answer.status !== 'signed_in') return `is ${answer.status}`
    const { accessToken, cartId } = answer
    const { fetch, onResponse } = walk
    const client = createClient({ baseUrl, fetch, onResponse, token: accessToken })
    customer = { client, accessToken }
    return cartId === null ? 'has no cart' : null
  })
  return customer
}

async function buyAgain({ walk }: Visit, { client }: Customer, email: string): Promise<void> {
  let cartId = 'none'
  let expectedTotalMinor = 0
  let order: Order | undefined
  await walk.step("their cart, with the guest's line", async () => {
    const cart = await client.carts.getMyCart()
    cartId = cart.id
    expectedTotalMinor = cart.totals.totalMinor
    return cart.lines.length === 1 ? null : `has ${cart.lines.length} lines`
  })
  await walk.step('the order of a customer', async () => {
    order = await client.orders.placeOrder({
      params: { cartId },
      body: { expectedTotalMinor, paymentMethod: 'test_accept', email, shippingAddress: ADDRESS },
    })
    return order.state === 'confirmed' ? null : `is ${order.state}`
  })
  await walk.step('the order history', async () => {
    const { items } = await client.orders.listMyOrders()
    const isOurs = items.length === 1 && items[0]?.id === order?.id
    return isOurs ? null : `are ${items.length}, and not the one that was placed`
  })
}
