/** Reads the tree from disk and fails on a crossed boundary; then proves that each rule can fail. */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  borrowedTables,
  contractsLeftOut,
  crossedSides,
  cycleIn,
  doorsPassedBy,
  importsOf,
  loadedFrom,
  longFiles,
  moduleGraph,
  modulesLeftOut,
  type Tree,
  tablesNamedIn,
  unsharedPlatform,
} from './rules.ts'

/** Which doors each module may use. A new edge is a decision, so it is written here first. */
const MODULE_GRAPH = {
  access: [],
  audit: [],
  carts: ['catalog'],
  catalog: ['inventory'],
  customers: ['carts', 'identity', 'orders'],
  identity: ['access', 'carts', 'notifications', 'orders'],
  inventory: [],
  notifications: [],
  orders: ['carts', 'inventory', 'payments'],
  payments: [],
  staff: ['access', 'identity', 'notifications'],
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function readTree(): Tree {
  const paths = globSync('{edge,regional,shared,scripts,test}/**/*.ts', { cwd: ROOT })
  return new Map(
    paths
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => !path.endsWith('.generated.ts') || path.startsWith('shared/'))
      .filter((path) => !path.endsWith('worker-configuration.d.ts'))
      .sort()
      .map((path) => [path, readFileSync(`${ROOT}/${path}`, 'utf8')]),
  )
}

function treeOf(files: Record<string, string>): Tree {
  return new Map(Object.entries(files))
}

describe('the tree', () => {
  const tree = readTree()

  it('was read: the sides and the modules are there', () => {
    expect(tree.size).toBeGreaterThan(50)
    expect(Object.keys(moduleGraph(tree))).toEqual(Object.keys(MODULE_GRAPH))
  })

  it('edge and cell never import each other, and what they share imports neither', () => {
    expect(crossedSides(tree)).toEqual([])
  })

  it('what is shared uses web-standard APIs alone', () => {
    expect(unsharedPlatform(tree)).toEqual([])
  })

  it('neither the edge nor the client bundles a validator', () => {
    for (const entry of ['edge/worker.ts', 'shared/client/create-client.ts']) {
      expect(tree.has(entry)).toBe(true)
      expect(loadedFrom(tree, entry, 'zod')).toEqual([])
    }
  })

  it('a module is entered by its door alone', () => {
    expect(doorsPassedBy(tree)).toEqual([])
  })

  it('the modules depend on each other as declared, without a cycle', () => {
    expect(moduleGraph(tree)).toEqual(MODULE_GRAPH)
    expect(cycleIn(MODULE_GRAPH)).toBeNull()
  })

  it('the cell runs every module that has a folder', () => {
    expect(modulesLeftOut(tree)).toEqual([])
  })

  it('every file of contracts is in the list of contracts', () => {
    expect(contractsLeftOut(tree)).toEqual([])
  })

  it('no SQL names a table of another module', () => {
    expect(borrowedTables(tree)).toEqual([])
  })

  it('no file is longer than the style allows', () => {
    expect(longFiles(tree)).toEqual([])
  })
})

describe('the rules', () => {
  it('see every form of an import, and none in a comment', () => {
    const source = [
      "import a from './a.ts'",
      "import type { B } from '../b.ts'",
      "import {\n  type C,\n  c,\n} from './c.ts'",
      "import './d.ts'",
      "export * from './e.ts'",
      "const f = await import('./f.ts')",
      "// import g from './g.ts'",
      "import { z } from 'zod'",
    ].join('\n')
    const found = importsOf('shared/x/y.ts', source)
    expect(found.map(({ target }) => target)).toEqual([
      'shared/x/a.ts',
      'shared/b.ts',
      'shared/x/c.ts',
      'shared/x/d.ts',
      'shared/x/e.ts',
      'shared/x/f.ts',
      'zod',
    ])
    expect(found.filter(({ isType }) => isType).map(({ target }) => target)).toEqual([
      'shared/b.ts',
    ])
  })

  it.each([
    ['edge/app.ts', "import { x } from '../regional/app.ts'"],
    ['regional/app.ts', "import { x } from '../edge/app.ts'"],
    ['shared/ids.ts', "import type { X } from '../regional/app.ts'"],
    ['regional/app.ts', "import { x } from '../test/support/keys.ts'"],
  ])('refuse that %s crosses over', (path, source) => {
    expect(crossedSides(treeOf({ [path]: source }))).toHaveLength(1)
  })

  it.each([
    "import { createHash } from 'node:crypto'",
    "import { env } from 'cloudflare:workers'",
    "const bytes = Buffer.from('a')",
    'const level = process.env.LEVEL',
    'const cache = caches.default',
  ])('refuse in shared: %s', (source) => {
    expect(unsharedPlatform(treeOf({ 'shared/ids.ts': source }))).toHaveLength(1)
    expect(unsharedPlatform(treeOf({ 'regional/ids.ts': source }))).toEqual([])
  })

  it('find a validator that is loaded through another file, but not a type of it', () => {
    const files = {
      'edge/worker.ts': "import { a } from './a.ts'",
      'edge/a.ts': "import { z } from 'zod'",
    }
    expect(loadedFrom(treeOf(files), 'edge/worker.ts', 'zod')).toEqual(['edge/a.ts loads zod'])
    const typed = { ...files, 'edge/a.ts': "import type { z } from 'zod'" }
    expect(loadedFrom(treeOf(typed), 'edge/worker.ts', 'zod')).toEqual([])
  })

  it.each([
    ['regional/modules/carts/create-cart.ts', '../catalog/queries.ts'],
    ['regional/app.ts', './modules/catalog/queries.ts'],
    ['regional/platform/answer.ts', '../modules/catalog/index.ts'],
  ])('refuse that %s enters a module by %s', (path, specifier) => {
    const source = `import { x } from '${specifier}'`
    expect(doorsPassedBy(treeOf({ [path]: source }))).toHaveLength(1)
  })

  it('let a module use its own files and the doors of others', () => {
    const source = "import './schema.ts'\nimport { catalog } from '../catalog/index.ts'"
    const tree = treeOf({ 'regional/modules/carts/create-cart.ts': source })
    expect(doorsPassedBy(tree)).toEqual([])
    expect(moduleGraph(tree)).toEqual({ carts: ['catalog'] })
  })

  it('name a cycle', () => {
    expect(cycleIn({ a: ['b'], b: ['c'], c: ['b'] })).toBe('b → c → b')
    expect(cycleIn({ a: ['b', 'c'], b: ['c'], c: [] })).toBeNull()
  })

  it('name a module that the list forgets or does not run', () => {
    const list = (names: string) =>
      treeOf({
        'regional/modules/index.ts':
          "import { carts } from './carts/index.ts'\n" +
          `export const modules: readonly Module[] = [${names}]`,
        'regional/modules/carts/index.ts': '',
        'regional/modules/returns/index.ts': '',
      })
    expect(modulesLeftOut(list('carts'))).toEqual(['returns'])
    expect(modulesLeftOut(list(''))).toEqual(['carts', 'returns'])
  })

  it('name a file of contracts that the list forgets', () => {
    const files = {
      'shared/contracts/index.ts': "import * as carts from './carts.ts'",
      'shared/contracts/carts.ts': 'export const getCart = endpoint({})',
      'shared/contracts/returns.ts': 'export const getReturn = endpoint({})',
      'shared/contracts/fields.ts': 'export const Sku = z.string()',
    }
    expect(contractsLeftOut(treeOf(files))).toEqual(['shared/contracts/returns.ts'])
  })

  it('read tables out of SQL, but not out of what is put into it', () => {
    const source = [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
      'const a = sql`select id from product join price on true where ${inner(`from variant`)}`',
      'const b = sql<Row>`with line as (select 1) insert into "order" select * from line`',
      '// sql`select from hidden`',
      "const c = 'a message from cart'",
    ].join('\n')
    expect(tablesNamedIn(source)).toEqual(['product', 'price', 'order'])
  })

  it('refuse SQL over the table of another module or of the platform', () => {
    const files = {
      'regional/platform/schema.ts': "pgTable('outbox', {}); pgTable('feed_clock', {})",
      'regional/modules/carts/schema.ts': "pgTable('cart', {})",
      'regional/modules/orders/schema.ts': "pgTable(\n  'order', {})",
      'regional/modules/orders/place-order.ts':
        'sql`update cart set x = 1`; sql`select 1 from "order"`; sql`delete from outbox`;' +
        'sql`select n from feed_clock`; sql`update feed_clock set n = n + 1`',
    }
    expect(borrowedTables(treeOf(files))).toEqual([
      'regional/modules/orders/place-order.ts names cart, a table of carts',
      'regional/modules/orders/place-order.ts names outbox, a table of platform',
      'regional/modules/orders/place-order.ts names feed_clock, a table of platform',
    ])
  })

  it('refuse one line too many', () => {
    expect(longFiles(treeOf({ 'edge/a.ts': 'x\n'.repeat(400) }))).toEqual([])
    expect(longFiles(treeOf({ 'edge/a.ts': 'x\n'.repeat(401) }))).toEqual([
      'edge/a.ts has 401 lines',
    ])
  })
})
