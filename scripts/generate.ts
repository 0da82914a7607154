/** `npm run generate`: writes what is derived from the contracts, such as the edge's routing facts and the OpenAPI document. */
import { readFileSync, writeFileSync } from 'node:fs'
import { factsOf } from '../shared/contracts/facts.ts'
import { allEndpoints } from '../shared/contracts/index.ts'
import { openApiDocument } from '../shared/openapi/document.ts'
import { accessPage } from './support/access-page.ts'
import { optionsOf } from './support/arguments.ts'

const HELP = `Usage: npm run generate [-- --check]

Writes shared/contracts/facts.generated.ts, docs/openapi.json and docs/access.md, which follow from the contracts.

  --check  writes nothing, and exits 1 when a file is not what the contracts say`

const ROOT = new URL('..', import.meta.url)

const generated: Record<string, () => string> = {
  'shared/contracts/facts.generated.ts': factsSource,
  'docs/openapi.json': () => `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  'docs/access.md': accessPage,
}

const { check } = optionsOf(HELP, { check: { type: 'boolean', default: false } })
let drifted = 0
for (const [path, source] of Object.entries(generated)) {
  const expected = source()
  if (textOf(path) === expected) continue
  drifted += 1
  if (check) console.error(`${path} is not what the contracts say: run \`npm run generate\``)
  else writeFileSync(new URL(path, ROOT), expected)
}
if (!check) console.log(drifted === 0 ? 'Nothing changed.' : `Wrote ${drifted} file(s).`)
process.exitCode = check && drifted > 0 ? 1 : 0

function factsSource(): string {
  const lines = allEndpoints().map(
    ({ id, endpoint }) => `  ${JSON.stringify(factsOf(id, endpoint))},`,
  )
  return [
    '/** The routing facts of every contract, written by `npm run generate`. */',
    "import type { EndpointFacts } from './facts.ts'",
    '',
    'export const facts: readonly EndpointFacts[] = [',
    ...lines,
    ']',
    '',
  ].join('\n')
}

function textOf(path: string): string | null {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8')
  } catch {
    return null
  }
}
