/** What is in the audit log after a write, a write that fails, and a refusal. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../../regional/app.ts'
import { modules } from '../../../regional/modules/index.ts'
import type { Services } from '../../../regional/platform/implement.ts'
import { auditRows, loggedLines } from '../../support/audit.ts'
import { requestOf } from '../../support/cell.ts'
import { queryRows } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { type CatalogCell, startCatalogCell } from '../catalog/fixtures.ts'

let cell: CatalogCell
let narrow: string

beforeAll(async () => {
  cell = await startCatalogCell()
  narrow = await accessToken({ sub: 'stf_narrow', scopes: ['orders:read'] })
})
afterAll(() => cell.close())

async function rowsAfter(work: () => Promise<unknown>) {
  const before = new Set((await auditRows(cell.url)).map(({ id }) => id))
  await work()
  const rows = await auditRows(cell.url)
  return rows.filter(({ id }) => !before.has(id)).map(({ id: _, ...row }) => row)
}

describe('a row', () => {
  const entry = { actor: 'stf_1', action: 'role.changed', subject: 'stf_2', requestId: 'r' }

  test('is written with its action, names the contract, and holds what it was given', async () => {
    const detail = { before: ['a'], after: ['a', 'b'] }
    const { db } = cell.services
    const rows = await rowsAfter(() =>
      db.inTransaction(async (tx) => {
        tx.audit({ ...entry, detail })
        tx.audit(entry)
      }, 'staff.setRoles'),
    )
    const contract = 'staff.setRoles'
    expect(rows).toEqual([
      { ...entry, contract, detail },
      { ...entry, contract, detail: null },
    ])
    const own = await rowsAfter(() => db.inTransaction(async (tx) => tx.audit(entry)))
    expect(own).toEqual([{ ...entry, contract: null, detail: null }])
  })

  test('is rolled back with its action', async () => {
    const rows = await rowsAfter(async () => {
      const spilt = cell.services.db.inTransaction(async (tx) => {
        tx.audit(entry)
        throw new Error('spilt')
      })
      await expect(spilt).rejects.toThrow('spilt')
    })
    expect(rows).toEqual([])
  })

  test('is not written for an action that is not committed', async () => {
    const { id } = await cell.createProduct()
    const rows = await rowsAfter(async () => {
      const body = { variants: [] }
      const response = await cell.tryStaff('patch', `/v1/staff/products/${id}`, { body })
      expect(response.status).toBe(400)
    })
    expect(rows).toEqual([])
  })

  test('of a staff write names its contract', async () => {
    const rows = await rowsAfter(() => cell.createProduct())
    expect(rows).toMatchObject([{ action: 'product.created', contract: 'catalog.createProduct' }])
  })
})

describe('a refusal', () => {
  test('of staff is a row with who, what, and the id in the path', async () => {
    const { id } = await cell.createProduct()
    const rows = await rowsAfter(async () => {
      const path = `/v1/staff/products/${id}/publish`
      expect((await cell.call('post', path, { token: narrow })).status).toBe(403)
    })
    expect(rows).toEqual([
      {
        actor: 'stf_narrow',
        action: 'access.denied',
        subject: `catalog.publishProduct:${id}`,
        requestId: 'test',
        contract: 'catalog.publishProduct',
        detail: null,
      },
    ])
  })

  test('keeps nothing of a path that is not what the contract takes, nor of the body', async () => {
    const rows = await rowsAfter(async () => {
      const call = { token: narrow, body: { name: 'jane@example.com' } }
      const path = '/v1/staff/products/jane@example.com'
      expect((await cell.call('patch', path, call)).status).toBe(403)
    })
    expect(rows).toMatchObject([{ subject: 'catalog.updateProduct', detail: null }])
    expect(JSON.stringify(rows)).not.toContain('jane')
  })

  test('by the verb itself is a row too, though the verb’s transaction is rolled back', async () => {
    // The verbs assert their scope themselves; here the contract lets everybody of the staff in.
    const catalog = modules.find(({ name }) => name === 'catalog')!
    const open = {
      ...catalog,
      routes: (services: Services) =>
        catalog.routes(services).map((route) => ({
          ...route,
          endpoint: { ...route.endpoint, access: 'public' as const },
        })),
    }
    const app = createApp(cell.services, [open])
    const call = { token: narrow, body: { handle: 'x', translations: { en: { name: 'X' } } } }
    const request = requestOf('post', '/v1/staff/categories', call, cell.services.clock)
    const rows = await rowsAfter(async () => {
      const response = await app.request('http://cell.test/v1/staff/categories', request)
      expect(response.status).toBe(403)
    })
    expect(rows).toMatchObject([
      { action: 'access.denied', subject: 'catalog.createCategory', actor: 'stf_narrow' },
    ])
  })

  test('of a guest or a customer is none', async () => {
    const customer = await accessToken({ role: 'customer', sub: 'cus_1' })
    const rows = await rowsAfter(async () => {
      for (const token of [undefined, customer]) {
        expect((await cell.call('get', '/v1/staff/price-lists', { token })).status).toBe(403)
      }
    })
    expect(rows).toEqual([])
  })

  test('of another kind is none', async () => {
    const rows = await rowsAfter(async () => {
      const path = `/v1/staff/products/prod_${'0'.repeat(32)}`
      expect((await cell.tryStaff('get', path)).status).toBe(404)
    })
    expect(rows).toEqual([])
  })

  test('that cannot be written stays a refusal, and is an error in the log', async () => {
    const { lines, log } = loggedLines()
    const app = createApp({ ...cell.services, log }, modules)
    const path = '/v1/staff/price-lists'
    const request = requestOf('get', path, { token: narrow }, cell.services.clock)
    await queryRows(cell.url, 'revoke insert on audit from tradewind_app')
    try {
      expect((await app.request(`http://cell.test${path}`, request)).status).toBe(403)
    } finally {
      await queryRows(cell.url, 'grant insert on audit to tradewind_app')
    }
    expect(lines.filter(({ level }) => level === 50)).toMatchObject([
      {
        msg: 'a refusal is missing from the audit log',
        contract: 'catalog.listPriceLists',
        requestId: 'test',
        code: '42501',
      },
    ])
  })
})
