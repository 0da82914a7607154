/**
 * Who may call what: every contract, called as everybody, does what the table in `docs/access.md` says. And every staff
 * verb refuses by itself whoever lacks its scope, whatever its route would have done.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modules } from '../../regional/modules/index.ts'
import type { Actor, Route } from '../../regional/platform/implement.ts'
import type { Endpoint } from '../../shared/contracts/endpoint.ts'
import { allEndpoints } from '../../shared/contracts/index.ts'
import { EVERY_GRANT, issuerOf, type Scope } from '../../shared/principal.ts'
import { Problem, type ProblemDetails } from '../../shared/problems.ts'
import { type CatalogCell, startCatalogCell } from '../regional/catalog/fixtures.ts'
import { pathOf, sampleOf } from '../support/contract-samples.ts'
import { accessToken } from '../support/keys.ts'
import { contentsOf } from '../support/refusals.ts'
import { openCart, order, orderOf } from '../support/shop.ts'
import { addCustomer, addMember } from '../support/staff.ts'

type Allowed = '✓' | '–' | 'own'

const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
const rows = page.split('\n').map((line) => line.split('|').map((text) => text.trim()))
const head = rows.find(([, first]) => first === 'contract')!
const CALLERS = head.slice(3, -1)
/** By contract, what the page says of each caller. */
const TABLE = new Map(
  rows
    .filter(([, id]) => /^`\w+\.\w+`$/.test(id ?? ''))
    .map(([, id, , ...cells]) => [id!.slice(1, -1), cells.slice(0, -1) as Allowed[]]),
)

let cell: CatalogCell
/** What is there to be read: a guest's. */
let theirs: { cartId: string; orderId: string }

beforeAll(async () => {
  cell = await startCatalogCell()
  await cell.publishedProduct({ variants: [{ sku: 'A-1', prices: { EUR: 100 }, available: 9 }] })
  const ordered = await openCart(cell, [{ sku: 'A-1', quantity: 1 }])
  const { id: orderId } = await orderOf(await order(cell, ordered))
  const { id: cartId } = await openCart(cell, [{ sku: 'A-1', quantity: 1 }])
  theirs = { cartId, orderId }
})

afterAll(() => cell?.close())

/** Somebody new each time: what is called may end their session, or them. */
async function tokenOf(caller: string): Promise<string | undefined> {
  if (caller === 'guest') return undefined
  if (caller === 'customer') return (await addCustomer(cell)).token
  return await (await addMember(cell, caller)).token()
}

async function callWith(endpoint: Endpoint, token: string | undefined): Promise<Response> {
  const { method, request } = endpoint
  const body = request.body === undefined ? {} : { body: sampleOf(request.body) }
  return await cell.call(method, pathOf(endpoint, theirs), { token, ...body })
}

/** Every row of ours, but for the audit log: it may record a refusal. */
async function contents(): Promise<Record<string, string>> {
  const { audit, audit_seal, ...rest } = await contentsOf(cell.url)
  return rest
}

/** What a call came to, in the table's signs. */
async function outcomeOf(endpoint: Endpoint, caller: string): Promise<Allowed | string> {
  const response = await callWith(endpoint, await tokenOf(caller))
  const { code } = (await response.json()) as ProblemDetails
  if (code === 'access.denied') return '–'
  if (code === 'token.refused' || code === 'internal') return code
  if (endpoint.access !== 'holder') return isOfOnesOwn(endpoint) ? 'own' : '✓'
  return response.ok ? '✓' : 'own'
}

function isOfOnesOwn({ access }: Endpoint): boolean {
  return access === 'account' || access === 'customer' || access === 'staff'
}

it('the table has every contract, and no other', () => {
  expect([...TABLE.keys()].sort()).toEqual(
    allEndpoints()
      .map(({ id }) => id)
      .sort(),
  )
  expect(CALLERS.slice(0, 3)).toEqual(['guest', 'customer', 'owner'])
})

describe.each(allEndpoints())('$id', ({ id, endpoint }) => {
  it('is refused to whom the table refuses it, and changes nothing for them', async () => {
    const refused = CALLERS.filter((_, index) => TABLE.get(id)![index] === '–')
    const tokens = new Map<string, string | undefined>()
    for (const caller of refused) tokens.set(caller, await tokenOf(caller))
    const before = await contents()
    for (const [caller, token] of tokens) {
      const response = await callWith(endpoint, token)
      expect(response.status, caller).toBe(403)
      expect(await response.json(), caller).toMatchObject({ code: 'access.denied' })
    }
    expect(await contents()).toEqual(before)
  })

  it('does for everybody what the table says', async () => {
    const outcomes: string[] = []
    for (const caller of CALLERS) outcomes.push(await outcomeOf(endpoint, caller))
    expect(outcomes).toEqual(TABLE.get(id))
  })

  it('is refused with a token of another cell', async () => {
    const token = await accessToken({ claims: { iss: issuerOf('us') } })
    const response = await callWith(endpoint, token)
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'token.refused' })
  })
})

/** Every staff contract with its handler, which the route's own check does not guard here. */
function staffRoutes(): { name: string; id: string; scope: Scope }[] {
  return allEndpoints()
    .filter(({ endpoint }) => endpoint.access.startsWith('staff:'))
    .map(({ id, name, endpoint }) => {
      return { id, name, scope: endpoint.access.slice('staff:'.length) as Scope }
    })
}

function routeOf(id: string): Route {
  const module = modules.find(({ name }) => id.startsWith(`${name}.`))!
  return module.routes(cell.services).find(({ name }) => id === `${module.name}.${name}`)!
}

async function runVerb(route: Route, actor: Actor): Promise<unknown> {
  const { db } = cell.services
  const inTransaction: (typeof db)['inTransaction'] = async (work) => {
    return (await db.inTransaction(work)).value as never
  }
  const { params, query, body } = route.endpoint.request
  const context = {
    actor,
    market: null,
    locale: null,
    group: null,
    params: params?.parse(sampleOf(params)),
    query: query?.parse(sampleOf(query)),
    body: body?.parse(sampleOf(body)),
    db: { run: db.run.bind(db), inTransaction },
    once: inTransaction,
  }
  return await route.handler(context as never)
}

describe.each(staffRoutes())('the verb of $id, called without its route', ({ id, scope }) => {
  it('refuses guests, customers, and staff without the scope, and changes nothing', async () => {
    const known = { id: 'stf_test', cell: 'eu', session: 'none' }
    const without = new Map([...EVERY_GRANT].filter(([other]) => other !== scope))
    const principals: Actor['principal'][] = [
      { kind: 'guest' },
      { kind: 'customer', ...known, group: null },
      { kind: 'staff', ...known, grants: without },
      { kind: 'staff', ...known, grants: new Map() },
      { kind: 'staff', ...known, grants: new Map([...EVERY_GRANT, [scope, ['elsewhere']]]) },
    ]
    const before = await contentsOf(cell.url)
    for (const principal of principals) {
      const actor = { principal, cartSecret: null, requestId: 'test' }
      const refusal = await runVerb(routeOf(id), actor).catch((error: unknown) => error)
      expect(refusal, JSON.stringify(principal)).toBeInstanceOf(Problem)
      expect((refusal as Problem).code).toBe('access.denied')
    }
    expect(await contentsOf(cell.url)).toEqual(before)
  })
})
