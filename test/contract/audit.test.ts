/** Every contract with which staff write, used: what it did is in the audit log, in its own name. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listAudit } from '../../shared/contracts/audit.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { type CatalogCell, startCatalogCell } from '../regional/catalog/fixtures.ts'
import { auditRows } from '../support/audit.ts'
import { openedShop, type Shop, WRITES } from './writes.ts'

const ids = allEndpoints().map(({ id }) => id)
const ofStaff = allEndpoints()
  .filter(({ endpoint }) => endpoint.access.startsWith('staff:') && endpoint.method !== 'get')
  .map(({ id }) => id)

let cell: CatalogCell
let shop: Shop

beforeAll(async () => {
  cell = await startCatalogCell()
  shop = await openedShop(cell)
})
afterAll(() => cell.close())

it('every staff write leaves a row that names it, its actor and its request, and can be listed by', async () => {
  expect(ofStaff.length).toBeGreaterThan(10)
  const unaudited = new Set(ofStaff)
  let known = (await auditRows(cell.url)).length
  for (const write of WRITES) {
    await write.run(shop)
    const rows = (await auditRows(cell.url)).slice(known)
    known += rows.length
    for (const { contract, actor, action, subject, requestId } of rows) {
      // What a step needs beforehand is written too, by other contracts.
      expect(ids).toContain(contract)
      expect(requestId).toBe('test')
      if (ofStaff.includes(contract!)) expect(actor).toMatch(/^stf_/)
      expect(listAudit.request.query.safeParse({ actor, action, subject }).error).toBeUndefined()
    }
    if (rows.some(({ contract }) => contract === write.contract)) unaudited.delete(write.contract)
  }
  expect([...unaudited]).toEqual([])
})
