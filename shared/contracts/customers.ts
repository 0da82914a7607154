/** Customers: their addresses and their data, for themselves and for staff, and the groups they are in. */
import { z } from 'zod'
import { CartStatus } from './carts.ts'
import { CustomerGroup, ListLimit } from './catalog-fields.ts'
import { endpoint, forward } from './endpoint.ts'
import {
  AddressId,
  CartId,
  Channel,
  CustomerId,
  Email,
  Locale,
  MarketId,
  SessionId,
  Sku,
  text,
} from './fields.ts'
import { PASSWORD_LENGTH_MAX } from './identity.ts'
import { Address, Order } from './orders.ts'

export const ADDRESSES_MAX = 20
/** Of each kind of thing in an export. */
export const EXPORT_ITEMS_MAX = 5_000

export const SaveAddress = z.strictObject({
  ...Address.shape,
  isDefault: z.boolean().default(false).describe('The one to ship to unless another is named'),
})
export type SaveAddress = z.infer<typeof SaveAddress>

export const SavedAddress = z.object({ id: AddressId, ...Address.shape, isDefault: z.boolean() })
export type SavedAddress = z.infer<typeof SavedAddress>

const addressParams = z.strictObject({ addressId: AddressId })
const Done = z.object({ status: z.literal('done') })

export const listAddresses = endpoint({
  method: 'get',
  path: '/v1/me/addresses',
  summary: 'The customer’s addresses, the oldest first',
  access: 'customer',
  serve: forward(),
  request: {},
  response: z.object({ items: z.array(SavedAddress) }),
  problems: [],
})

export const createAddress = endpoint({
  method: 'post',
  path: '/v1/me/addresses',
  summary: 'Adds an address to the customer’s; a default takes the place of the one before',
  access: 'customer',
  serve: forward({ creates: true }),
  status: 201,
  request: { body: SaveAddress },
  response: SavedAddress,
  problems: ['address.too_many'],
})

export const replaceAddress = endpoint({
  method: 'put',
  path: '/v1/me/addresses/{addressId}',
  summary: 'Replaces one of the customer’s addresses; repeating it changes nothing',
  access: 'customer',
  serve: forward(),
  request: { params: addressParams, body: SaveAddress },
  response: SavedAddress,
  problems: ['address.unknown'],
})

export const deleteAddress = endpoint({
  method: 'delete',
  path: '/v1/me/addresses/{addressId}',
  summary: 'Deletes one of the customer’s addresses',
  access: 'customer',
  serve: forward(),
  request: { params: addressParams },
  response: Done,
  problems: ['address.unknown'],
})

export const CustomerGroupEntry = z.object({ handle: CustomerGroup, name: z.string() })
export type CustomerGroupEntry = z.infer<typeof CustomerGroupEntry>

const groupParams = z.strictObject({ handle: CustomerGroup })
const read = 'staff:customers:read'
const write = 'staff:customers:write'

export const listCustomerGroups = endpoint({
  method: 'get',
  path: '/v1/staff/customer-groups',
  summary: 'The customer groups, by handle',
  access: read,
  serve: forward(),
  request: { query: z.strictObject({ limit: ListLimit, after: CustomerGroup.optional() }) },
  response: z.object({ items: z.array(CustomerGroupEntry), next: CustomerGroup.nullable() }),
  problems: [],
})

export const putCustomerGroup = endpoint({
  method: 'put',
  path: '/v1/staff/customer-groups/{handle}',
  summary: 'Creates or renames a customer group',
  access: write,
  serve: forward(),
  request: { params: groupParams, body: z.strictObject({ name: text(200) }) },
  response: CustomerGroupEntry,
  problems: [],
})

export const deleteCustomerGroup = endpoint({
  method: 'delete',
  path: '/v1/staff/customer-groups/{handle}',
  summary: 'Deletes a customer group that nobody is in',
  access: write,
  serve: forward(),
  request: { params: groupParams },
  response: CustomerGroupEntry,
  problems: ['group.unknown', 'group.in_use'],
})

export const CustomerStatus = z.enum(['active', 'deactivated', 'erased'])

export const CustomerEntry = z.object({
  id: CustomerId,
  email: z.string().nullable().describe('Null once the customer was erased'),
  emailVerified: z.boolean(),
  name: z.string().nullable(),
  locale: Locale.nullable(),
  group: CustomerGroup.nullable(),
  status: CustomerStatus,
  createdAt: z.iso.datetime(),
})
export type CustomerEntry = z.infer<typeof CustomerEntry>

const customerParams = z.strictObject({ customerId: CustomerId })

const ListCustomers = z.strictObject({
  email: Email.optional().describe('The whole address'),
  customerGroup: CustomerGroup.optional(),
  status: CustomerStatus.optional(),
  limit: ListLimit,
  after: CustomerId.optional(),
})
export type ListCustomers = z.infer<typeof ListCustomers>

export const listCustomers = endpoint({
  method: 'get',
  path: '/v1/staff/customers',
  summary: 'Customers, the oldest first',
  access: read,
  serve: forward(),
  request: { query: ListCustomers },
  response: z.object({ items: z.array(CustomerEntry), next: CustomerId.nullable() }),
  problems: [],
})

export const getCustomer = endpoint({
  method: 'get',
  path: '/v1/staff/customers/{customerId}',
  summary: 'One customer',
  access: read,
  serve: forward(),
  request: { params: customerParams },
  response: CustomerEntry,
  problems: ['account.unknown'],
})

export const setCustomerGroup = endpoint({
  method: 'put',
  path: '/v1/staff/customers/{customerId}/group',
  summary: 'Puts a customer into a group, or into none; their next access token has its prices',
  access: write,
  serve: forward(),
  request: { params: customerParams, body: z.strictObject({ group: CustomerGroup.nullable() }) },
  response: CustomerEntry,
  problems: ['account.unknown', 'account.state_conflict', 'group.unknown'],
})

export const deactivateCustomer = endpoint({
  method: 'post',
  path: '/v1/staff/customers/{customerId}/deactivate',
  summary: 'Keeps a customer from signing in, and ends their sessions',
  access: write,
  serve: forward(),
  request: { params: customerParams },
  response: CustomerEntry,
  problems: ['account.unknown', 'account.state_conflict'],
})

export const activateCustomer = endpoint({
  method: 'post',
  path: '/v1/staff/customers/{customerId}/activate',
  summary: 'Lets a customer sign in again',
  access: write,
  serve: forward(),
  request: { params: customerParams },
  response: CustomerEntry,
  problems: ['account.unknown', 'account.state_conflict'],
})

export const PersonalData = z.object({
  exportedAt: z.iso.datetime(),
  isComplete: z
    .boolean()
    .describe(`False when there is more of something than the first ${EXPORT_ITEMS_MAX}`),
  profile: CustomerEntry,
  sessions: z.array(
    z.object({
      id: SessionId,
      device: z.string().nullable(),
      createdAt: z.iso.datetime(),
      lastUsedAt: z.iso.datetime(),
    }),
  ),
  addresses: z.array(SavedAddress),
  carts: z.array(
    z.object({
      id: CartId,
      status: CartStatus,
      market: MarketId,
      locale: Locale,
      channel: Channel,
      lines: z.array(z.object({ sku: Sku, quantity: z.int() })),
    }),
  ),
  orders: z.array(Order),
  audit: z
    .array(
      z.object({
        at: z.iso.datetime(),
        action: z.string(),
        by: z.enum(['customer', 'other']).describe('Who else it was is not theirs to know'),
      }),
    )
    .describe('What was done by them or to their account, the newest first'),
})
export type PersonalData = z.infer<typeof PersonalData>

export const exportMe = endpoint({
  method: 'get',
  path: '/v1/me/export',
  summary: 'All that is kept of the customer, as one document',
  access: 'customer',
  serve: forward(),
  request: {},
  response: PersonalData,
  problems: ['account.unknown'],
})

export const exportCustomer = endpoint({
  method: 'get',
  path: '/v1/staff/customers/{customerId}/export',
  summary: 'All that is kept of a customer, as one document',
  access: read,
  serve: forward(),
  request: { params: customerParams },
  response: PersonalData,
  problems: ['account.unknown'],
})

const Erased = z.object({ status: z.literal('erased') })

export const eraseMe = endpoint({
  method: 'post',
  path: '/v1/me/erase',
  summary:
    'Erases the customer, for good. Their orders stay, without the person; one that waits for its payment must end first',
  access: 'customer',
  serve: forward(),
  limit: { policy: 'sign-in' },
  request: { body: z.strictObject({ password: text(PASSWORD_LENGTH_MAX) }) },
  response: Erased,
  problems: ['credentials.refused', 'account.state_conflict'],
})

export const eraseCustomer = endpoint({
  method: 'post',
  path: '/v1/staff/customers/{customerId}/erase',
  summary: 'Erases a customer, for good, as `eraseMe` does; repeating it changes nothing',
  access: 'staff:customers:erase',
  serve: forward(),
  request: { params: customerParams },
  response: Erased,
  problems: ['account.unknown', 'account.state_conflict'],
})
