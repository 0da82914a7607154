/** The contracts that change the staff, each used once: they touch nothing that is cached for shoppers. */
import type { Invitation } from '../../shared/contracts/staff.ts'
import { queryRows } from '../support/database.ts'
import { addMember } from '../support/staff.ts'
import type { Shop, Write } from './writes.ts'

async function asOwner<T>({ cell }: Shop, method: string, path: string, body?: unknown) {
  const token = await (await addMember(cell, 'owner')).token()
  const call = { token, ...(body === undefined ? {} : { body }) }
  const response = await cell.call(method, `/v1/staff${path}`, call)
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
  return (await response.json()) as T
}

function write(contract: string, run: (shop: Shop) => Promise<unknown>): Write {
  return { contract: `staff.${contract}`, what: 'of the staff', run }
}

const ROLE = { title: 'Buyer', scopes: ['catalogue:read'] }

function invite(shop: Shop, email: string): Promise<Invitation> {
  return asOwner(shop, 'post', '/invitations', { email, grants: [{ role: 'support' }] })
}

async function accept(shop: Shop): Promise<void> {
  const email = 'new@staff.test'
  await invite(shop, email)
  const text = `select payload->'data'->>'token' as token from outbox where payload->>'to' = $1`
  const [mail] = await queryRows<{ token: string }>(shop.cell.url, text, [email])
  const body = { token: mail!.token, password: crypto.randomUUID() }
  const response = await shop.cell.call('post', '/v1/invitations/accept', { body })
  if (!response.ok) throw new Error(await response.text())
}

export const STAFF_WRITES: readonly Write[] = [
  write('putRole', (shop) => asOwner(shop, 'put', '/roles/buyer', ROLE)),
  write('deleteRole', (shop) => asOwner(shop, 'delete', '/roles/buyer')),
  write('createInvitation', (shop) => invite(shop, 'one@staff.test')),
  write('deleteInvitation', async (shop) => {
    const { id } = await invite(shop, 'two@staff.test')
    await asOwner(shop, 'delete', `/invitations/${id}`)
  }),
  write('acceptInvitation', accept),
  write('setGrants', async (shop) => {
    const { id } = await addMember(shop.cell)
    await asOwner(shop, 'put', `/members/${id}/grants`, { grants: [{ role: 'stock' }] })
  }),
  write('deactivateMember', async (shop) => {
    const { id } = await addMember(shop.cell, 'stock')
    await asOwner(shop, 'post', `/members/${id}/deactivate`)
  }),
  write('activateMember', async (shop) => {
    const { id } = await addMember(shop.cell, 'stock')
    await asOwner(shop, 'post', `/members/${id}/deactivate`)
    await asOwner(shop, 'post', `/members/${id}/activate`)
  }),
]
