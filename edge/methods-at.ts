/** Tells an address that exists for another method (405) from one that does not exist (404). */
import { facts as allFacts } from '../shared/contracts/facts.generated.ts'

/** The value of `Allow` (RFC 9110 §10.2.1) at a path; `null` when no contract is there. */
export function methodsAt(path: string): string | null {
  const parts = path.split('/')
  const methods = allFacts
    .filter((facts) => isTemplateOf(facts.path, parts))
    .flatMap((facts) => (facts.method === 'get' ? ['get', 'head'] : [facts.method]))
  return methods.length === 0 ? null : methods.join(', ').toUpperCase()
}

function isTemplateOf(template: string, parts: readonly string[]): boolean {
  const expected = template.split('/')
  return (
    parts.length === expected.length &&
    expected.every((part, index) => part.startsWith('{') || part === parts[index])
  )
}
