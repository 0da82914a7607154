/** The contracts that change customers, each used once: they touch nothing that is cached for everybody. */
import { randomBytes } from 'node:crypto'
import type { SavedAddress } from '../../shared/contracts/customers.ts'
import { addCustomer, type TestCustomer } from '../support/customers.ts'
import { accessToken } from '../support/keys.ts'
import { ADDRESS } from '../support/shop.ts'
import type { Shop, Write } from './writes.ts'

interface Called {
  token: string
  method: string
  path: string
  body?: unknown
}

async function call<T>({ cell }: Shop, { method, path, ...rest }: Called): Promise<T> {
  const response = await cell.call(method, path, rest)
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
  return (await response.json()) as T
}

async function asStaff(shop: Shop, method: string, path: string, body?: unknown): Promise<void> {
  const token = await accessToken()
  await call(shop, { token, method, path: `/v1/staff${path}`, body })
}

async function asCustomer<T>(
  shop: Shop,
  customer: TestCustomer,
  request: Omit<Called, 'token'>,
): Promise<T> {
  return await call(shop, { token: await customer.token(), ...request })
}

function addAddress(shop: Shop, customer: TestCustomer): Promise<SavedAddress> {
  const request = { method: 'post', path: '/v1/me/addresses', body: ADDRESS }
  return asCustomer(shop, customer, request)
}

function write(contract: string, run: (shop: Shop) => Promise<unknown>): Write {
  return { contract: `customers.${contract}`, what: 'of a customer', run }
}

/** A write about a customer by staff, at a path below theirs. */
function ofCustomer(
  contract: string,
  method: string,
  paths: readonly string[],
  body?: unknown,
): Write {
  return write(contract, async (shop) => {
    const { id } = await addCustomer(shop.cell)
    for (const path of paths) await asStaff(shop, method, `/customers/${id}${path}`, body)
  })
}

function onAddress(contract: string, method: string, body?: unknown): Write {
  return write(contract, async (shop) => {
    const customer = await addCustomer(shop.cell)
    const { id } = await addAddress(shop, customer)
    await asCustomer(shop, customer, { method, path: `/v1/me/addresses/${id}`, body })
  })
}

const GROUP = '/customer-groups/wholesale'

export const CUSTOMER_WRITES: readonly Write[] = [
  write('createAddress', async (shop) => addAddress(shop, await addCustomer(shop.cell))),
  onAddress('replaceAddress', 'put', { ...ADDRESS, city: 'Wien' }),
  onAddress('deleteAddress', 'delete'),
  write('putCustomerGroup', (shop) => asStaff(shop, 'put', GROUP, { name: 'Wholesale' })),
  ofCustomer('setCustomerGroup', 'put', ['/group'], { group: 'wholesale' }),
  write('deleteCustomerGroup', async (shop) => {
    await asStaff(shop, 'put', '/customer-groups/short-lived', { name: 'Short-lived' })
    await asStaff(shop, 'delete', '/customer-groups/short-lived')
  }),
  ofCustomer('deactivateCustomer', 'post', ['/deactivate']),
  ofCustomer('activateCustomer', 'post', ['/deactivate', '/activate']),
  ofCustomer('eraseCustomer', 'post', ['/erase']),
  write('eraseMe', async (shop) => {
    const password = randomBytes(16).toString('base64url')
    const customer = await addCustomer(shop.cell, { password })
    const request = { method: 'post', path: '/v1/me/erase', body: { password } }
    await asCustomer(shop, customer, request)
  }),
]
