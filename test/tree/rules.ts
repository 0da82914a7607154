/** The boundaries of the tree, as pure functions over its files: each returns what crosses one, in words. */

/** Paths from the root, with `/`, to their text. */
export type Tree = ReadonlyMap<string, string>

export const LINES_MAX = 400

interface Import {
  /** A path from the root for what is ours; else the specifier as written. */
  readonly target: string
  /** Erased before it runs. */
  readonly isType: boolean
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?'([^'\n]+)'|\bimport\(\s*'([^'\n]+)'/g

export function importsOf(path: string, source: string): Import[] {
  return [...withoutComments(source).matchAll(IMPORT)].map(([, type, from, dynamic]) => ({
    target: resolved(path, (from ?? dynamic)!),
    isType: type !== undefined,
  }))
}

function resolved(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return new URL(specifier, `file:///${path}`).pathname.slice(1)
}

function importsUnder(tree: Tree, folder: string): (Import & { path: string })[] {
  return [...tree]
    .filter(([path]) => path.startsWith(folder))
    .flatMap(([path, source]) => importsOf(path, source).map((found) => ({ path, ...found })))
}

const SIDES: Record<string, readonly string[]> = {
  'edge/': ['regional/', 'scripts/', 'test/'],
  'regional/': ['edge/', 'scripts/', 'test/'],
  'shared/': ['edge/', 'regional/', 'scripts/', 'test/'],
}

/** Edge and cell know each other only through what they share, and that knows neither. */
export function crossedSides(tree: Tree): string[] {
  return Object.entries(SIDES).flatMap(([folder, forbidden]) =>
    importsUnder(tree, folder)
      .filter(({ target }) => forbidden.some((other) => target.startsWith(other)))
      .map(({ path, target }) => `${path} imports ${target}`),
  )
}

const FOREIGN_GLOBALS =
  /\b(?:Buffer|process|setImmediate|__dirname|require|HTMLRewriter|WebSocketPair|caches\.default)\b/g

/** What is shared runs in a browser, in a Worker and in Node, so it uses what all three have. */
export function unsharedPlatform(tree: Tree): string[] {
  const imports = importsUnder(tree, 'shared/')
    .filter(({ target }) => /^(?:node:|cloudflare:|@cloudflare\/)/.test(target))
    .map(({ path, target }) => `${path} imports ${target}`)
  const globals = [...tree]
    .filter(([path]) => path.startsWith('shared/'))
    .flatMap(([path, source]) =>
      [...withoutStrings(withoutComments(source)).matchAll(FOREIGN_GLOBALS)].map(
        ([name]) => `${path} uses ${name}`,
      ),
    )
  return [...imports, ...globals]
}

/** What `entry` loads at run time, itself or through our own files, that is named or lies under `heavy`. */
export function loadedFrom(tree: Tree, entry: string, heavy: string): string[] {
  const seen = new Set<string>()
  const found: string[] = []
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { target, isType } of importsOf(path, tree.get(path) ?? '')) {
      if (isType) continue
      if (target === heavy || target.startsWith(`${heavy}/`)) found.push(`${path} loads ${target}`)
      if (tree.has(target)) visit(target)
    }
  }
  visit(entry)
  return found
}

const MODULE = /^regional\/modules\/([^/]+)\/(.+)$/

export function moduleNames(tree: Tree): string[] {
  const names = [...tree.keys()].map((path) => MODULE.exec(path)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

/** A module is entered by its door, and the platform beneath enters none. */
export function doorsPassedBy(tree: Tree): string[] {
  return importsUnder(tree, 'regional/')
    .filter(({ path, target }) => {
      const to = MODULE.exec(target)
      if (path.startsWith('regional/platform/')) return target.startsWith('regional/modules/')
      return to !== null && MODULE.exec(path)?.[1] !== to[1] && to[2] !== 'index.ts'
    })
    .map(({ path, target }) => `${path} imports ${target}`)
}

/** Each module with the modules whose doors it uses. */
export function moduleGraph(tree: Tree): Record<string, string[]> {
  return Object.fromEntries(
    moduleNames(tree).map((name) => {
      const used = importsUnder(tree, `regional/modules/${name}/`)
        .map(({ target }) => MODULE.exec(target)?.[1])
        .filter((other) => other !== undefined && other !== name)
      return [name, [...new Set(used as string[])].sort()]
    }),
  )
}

/** A cycle of a graph, as the path that closes it; `null` when there is none. */
export function cycleIn(graph: Readonly<Record<string, readonly string[]>>): string | null {
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): string | null => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name].join(' → ')
    if (done.has(name)) return null
    for (const next of graph[name] ?? []) {
      const cycle = visit(next, [...trail, name])
      if (cycle !== null) return cycle
    }
    done.add(name)
    return null
  }
  for (const name of Object.keys(graph)) {
    const cycle = visit(name, [])
    if (cycle !== null) return cycle
  }
  return null
}

/** The list of modules has every folder, or the cell would start without one of them. */
export function modulesLeftOut(tree: Tree): string[] {
  const list = 'regional/modules/index.ts'
  const listed = new Set(importsOf(list, tree.get(list) ?? '').map(({ target }) => target))
  const array = /modules[^=]*=\s*\[([^\]]*)\]/.exec(tree.get(list) ?? '')?.[1] ?? ''
  const running = new Set(array.split(',').map((name) => name.trim()))
  return moduleNames(tree).filter(
    (name) => !listed.has(`regional/modules/${name}/index.ts`) || !running.has(name),
  )
}

/** A contract file that the list of contracts does not load declares endpoints that nobody serves. */
export function contractsLeftOut(tree: Tree): string[] {
  const folder = 'shared/contracts/'
  const list = `${folder}index.ts`
  const listed = new Set(importsOf(list, tree.get(list) ?? '').map(({ target }) => target))
  return [...tree.keys()].filter(
    (path) =>
      path.startsWith(folder) &&
      path !== `${folder}endpoint.ts` &&
      /=\s*endpoint\(/.test(tree.get(path)!) &&
      !listed.has(path),
  )
}

/** A cacheable read selects the clock in its own statement, so every module may read it; only the platform writes. */
const READ_BY_ALL = /\b(?:from|join)\s+feed_clock\b/gi

/** SQL that names a table whose owner is another module, or the platform. */
export function borrowedTables(tree: Tree): string[] {
  const owners = tableOwners(tree)
  return [...tree]
    .filter(([path]) => path.startsWith('regional/') && !path.endsWith('/schema.ts'))
    .flatMap(([path, source]) => {
      const own = ownerOf(path)
      return tablesNamedIn(source)
        .filter((table) => owners.has(table) && owners.get(table) !== own)
        .map((table) => `${path} names ${table}, a table of ${owners.get(table)}`)
    })
}

function ownerOf(path: string): string {
  return MODULE.exec(path)?.[1] ?? 'platform'
}

function tableOwners(tree: Tree): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [path, source] of tree) {
    if (!path.startsWith('regional/') || !path.endsWith('/schema.ts')) continue
    for (const [, table] of source.matchAll(/pgTable\(\s*'([^']+)'/g)) {
      owners.set(table!, ownerOf(path))
    }
  }
  return owners
}

const TABLE =
  /\b(?:from|join|into|update|lock\s+table|truncate|using)\s+(?:only\s+)?"?([a-z_]+)"?/gi

/** The tables in a file's `sql` templates, but for the names that the statements themselves define. */
export function tablesNamedIn(source: string): string[] {
  const statements = sqlIn(withoutComments(source)).join('\n').replaceAll(READ_BY_ALL, '')
  const defined = new Set(
    [...statements.matchAll(/"?\b([a-z_]+)"?\s+as\s+(?:not\s+)?(?:materialized\s*)?\(/gi)].map(
      ([, name]) => name,
    ),
  )
  const named = [...statements.matchAll(TABLE)].map(([, name]) => name!)
  return [...new Set(named)].filter((name) => !defined.has(name))
}

/** The text of every template tagged `sql`, without what is put into it. */
function sqlIn(source: string): string[] {
  const texts: string[] = []
  for (const start of source.matchAll(/\bsql(?:<[^`]*?>)?`/g)) {
    let text = ''
    let depth = 0
    for (let i = start.index + start[0].length; i < source.length; i += 1) {
      const character = source[i]!
      if (depth === 0 && character === '`') break
      if (depth === 0 && character === '$' && source[i + 1] === '{') {
        depth = 1
        i += 1
      } else if (depth > 0) {
        if (character === '{') depth += 1
        if (character === '}') depth -= 1
      } else text += character
    }
    texts.push(text)
  }
  return texts
}

export function longFiles(tree: Tree): string[] {
  return [...tree]
    .map(([path, source]) => ({ path, lines: source.replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines`)
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/[^\n]*/g, '$1')
}

function withoutStrings(source: string): string {
  return source.replaceAll(/'[^'\n]*'/g, "''")
}
