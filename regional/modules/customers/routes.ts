/** The customers' endpoints. */
import { contracts } from '../../../shared/contracts/index.ts'
import { asCustomer } from '../../platform/access.ts'
import { implement } from '../../platform/implement.ts'
import { addressesOf } from './addresses.ts'
import { createAddress } from './create-address.ts'
import { staffCustomer, staffCustomerPage } from './customers.ts'
import { deleteAddress } from './delete-address.ts'
import { deleteGroup } from './delete-group.ts'
import { eraseCustomer, eraseSelf } from './erase-customer.ts'
import { exportCustomer, exportOwnData } from './export-customer.ts'
import { groupPage } from './groups.ts'
import { putGroup } from './put-group.ts'
import { replaceAddress } from './replace-address.ts'
import { setCustomerGroup } from './set-customer-group.ts'
import { setCustomerStatus } from './set-customer-status.ts'

export const routes = implement(contracts.customers, (services) => ({
  listAddresses: async ({ db, actor }) => ({ items: await addressesOf(db, asCustomer(actor).id) }),
  createAddress: ({ actor, body, once }) =>
    once((tx) => createAddress(tx, actor, { ...body, cell: services.config.CELL })),
  replaceAddress: ({ db, actor, params, body }) =>
    db.inTransaction((tx) => replaceAddress(tx, actor, { ...body, ...params })),
  deleteAddress: async ({ db, actor, params }) => {
    await db.inTransaction((tx) => deleteAddress(tx, actor, params))
    return { status: 'done' as const }
  },
  listCustomerGroups: ({ db, actor, query }) => groupPage(db, actor, query),
  putCustomerGroup: ({ db, actor, params, body }) =>
    db.inTransaction((tx) => putGroup(tx, actor, { ...params, ...body })),
  deleteCustomerGroup: ({ db, actor, params }) =>
    db.inTransaction((tx) => deleteGroup(tx, actor, params)),
  listCustomers: ({ db, actor, query }) => staffCustomerPage(db, actor, query),
  getCustomer: ({ db, actor, params }) => staffCustomer(db, actor, params.customerId),
  setCustomerGroup: ({ db, actor, params, body }) =>
    db.inTransaction((tx) => setCustomerGroup(tx, actor, { ...params, ...body })),
  deactivateCustomer: ({ db, actor, params }) =>
    db.inTransaction((tx) => setCustomerStatus(tx, actor, { ...params, status: 'deactivated' })),
  activateCustomer: ({ db, actor, params }) =>
    db.inTransaction((tx) => setCustomerStatus(tx, actor, { ...params, status: 'active' })),
  exportMe: ({ db, actor }) =>
    db.inTransaction((tx) => exportOwnData(tx, actor, services.clock.now())),
  exportCustomer: ({ db, actor, params }) =>
    db.inTransaction((tx) => exportCustomer(tx, actor, { ...params, now: services.clock.now() })),
  eraseMe: async ({ db, actor, body }) => {
    await eraseSelf({ services, db }, actor, body)
    return { status: 'erased' as const }
  },
  eraseCustomer: async ({ db, actor, params }) => {
    await db.inTransaction((tx) => eraseCustomer(tx, actor, params))
    return { status: 'erased' as const }
  },
}))
