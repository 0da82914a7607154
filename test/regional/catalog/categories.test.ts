/** Creating and changing categories. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Product, StaffCategory } from '../../../shared/contracts/catalog.ts'
import { accessToken } from '../../support/keys.ts'
import { type CatalogCell, problemOf, startCatalogCell } from './fixtures.ts'

let cell: CatalogCell
beforeAll(async () => {
  cell = await startCatalogCell()
})
afterAll(() => cell.close())

const categories = '/v1/staff/categories'
const names = (name: string) => ({ translations: { en: { name } } })
const refusal = async (method: string, path: string, body: object) =>
  await problemOf(await cell.tryStaff(method, path, { body }))

test('a category is created beneath its parent, ticks the set of categories and leaves an audit row', async () => {
  await cell.createCategory('books')
  let created: StaffCategory | undefined
  const ticks = await cell.ticksOf(async () => {
    created = await cell.createCategory('novels', { parentHandle: 'books', position: 4 })
  })
  expect(ticks).toEqual([['categories']])
  expect(created).toEqual({
    id: created!.id,
    handle: 'novels',
    parentHandle: 'books',
    position: 4,
    translations: { de: { name: 'novels de' }, en: { name: 'novels en' } },
  })
  expect(await cell.audits(created!.id)).toEqual([
    { actor: 'stf_test', action: 'category.created', requestId: 'test' },
  ])
})

test('a repeated key returns the first category and creates one', async () => {
  const call = {
    body: { handle: 'twice', ...names('Twice') },
    idempotencyKey: 'create-category-twice',
  }
  const first = await cell.tryStaff('post', categories, call)
  const ticks = await cell.ticksOf(async () => {
    const second = await cell.tryStaff('post', categories, call)
    expect(await second.json()).toEqual(await first.json())
  })
  expect(ticks).toEqual([])
})

test('a handle that is taken, an unknown parent and bad fields are refused where they stand', async () => {
  await cell.createCategory('taken')
  expect(await refusal('post', categories, { handle: 'taken', ...names('x') })).toEqual({
    status: 409,
    code: 'category.handle_taken',
    pointers: ['/handle'],
  })
  const orphan = { handle: 'orphan', parentHandle: 'nobody', ...names('x') }
  expect(await refusal('post', categories, orphan)).toEqual({
    status: 404,
    code: 'category.unknown',
    pointers: ['/parentHandle'],
  })
  const bad: [object, string][] = [
    [{ handle: 'x', translations: {} }, '/translations'],
    [{ handle: 'x', ...names('a\0') }, '/translations/en/name'],
    [{ handle: 'x', ...names('a\ud800') }, '/translations/en/name'],
    [{ handle: 'x', ...names('a'), position: -1 }, '/position'],
    [{ handle: 'x', ...names('a'), colour: 1 }, '/colour'],
  ]
  for (const [body, pointer] of bad) {
    expect(await refusal('post', categories, body)).toMatchObject({
      code: 'request.invalid',
      pointers: [pointer],
    })
  }
})

test('a new name is shown by the products in it, and ticks them and the set of categories', async () => {
  const { id } = await cell.createCategory('pans')
  const shown = await cell.publishedProduct({ categories: ['pans'] })
  const draft = await cell.createProduct({ categories: ['pans'] })
  const other = await cell.publishedProduct()
  const renamed = { translations: { de: { name: 'Pfannen' }, en: { name: 'Pans' } } }
  const ticks = await cell.ticksOf(() => cell.staff('patch', `${categories}/${id}`, renamed))
  expect(ticks).toEqual([['categories', `product:${shown.id}`]])
  expect(ticks.flat()).not.toContain(`product:${draft.id}`)
  expect(ticks.flat()).not.toContain(`product:${other.id}`)
  const page = await cell.call('get', `/v1/products/${shown.handle}`)
  expect(((await page.json()) as Product).categories).toEqual([{ handle: 'pans', name: 'Pfannen' }])
  expect((await cell.audits(id)).at(-1)!.action).toBe('category.updated')
})

test('a move ticks the set of categories alone, and a repeat of it nothing', async () => {
  const { id } = await cell.createCategory('moving')
  await cell.publishedProduct({ categories: ['moving'] })
  const move = () => cell.staff('patch', `${categories}/${id}`, { position: 9 })
  expect(await cell.ticksOf(move)).toEqual([['categories']])
  expect(await cell.ticksOf(move)).toEqual([])
  expect(await cell.audits(id)).toHaveLength(2)
})

test('a new name keeps the place', async () => {
  const { id } = await cell.createCategory('placed', { position: 3 })
  expect(await cell.staff('patch', `${categories}/${id}`, names('Renamed'))).toMatchObject({
    position: 3,
    ...names('Renamed'),
  })
})

test('an unknown category and an empty change are refused', async () => {
  const unknown = `${categories}/cat_${'0'.repeat(32)}`
  expect((await refusal('patch', unknown, { position: 1 })).code).toBe('category.unknown')
  const { id } = await cell.createCategory('still')
  expect((await refusal('patch', `${categories}/${id}`, {})).code).toBe('request.invalid')
  const renamed = await refusal('patch', `${categories}/${id}`, { handle: 'new' })
  expect(renamed.pointers).toContain('/handle')
})

test('staff without the scope change no category', async () => {
  const { id } = await cell.createCategory('guarded')
  const token = await accessToken({ scopes: ['catalogue:read'] })
  const body = { handle: 'sneaked', ...names('x') }
  const created = await cell.call('post', categories, { token, body })
  const moved = await cell.call('patch', `${categories}/${id}`, { token, body: { position: 1 } })
  expect([created.status, moved.status]).toEqual([403, 403])
  expect(await cell.audits(id)).toHaveLength(1)
})

test('a product that joins a category while it is renamed shows the new name', async () => {
  const { id } = await cell.createCategory('racing')
  const products = await Promise.all(Array.from({ length: 6 }, () => cell.publishedProduct()))
  await Promise.all([
    ...products.map((product) =>
      cell.staff('patch', `/v1/staff/products/${product.id}`, { categories: ['racing'] }),
    ),
    cell.staff('patch', `${categories}/${id}`, names('Raced')),
  ])
  for (const { handle } of products) {
    const page = await cell.call('get', `/v1/products/${handle}?locale=en`)
    expect(((await page.json()) as Product).categories[0]!.name).toBe('Raced')
  }
})
