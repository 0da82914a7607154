/** What a caller may do. Every staff verb asserts its scope itself, whatever the route asserted before. */
import type { Scope } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Actor } from './implement.ts'

/** @throws {Problem} `access.denied` unless the actor is staff with the scope. */
export function assertScope(actor: Actor, scope: Scope): void {
  if (!hasScope(actor, scope)) throw new Problem('access.denied')
}

export function hasScope({ principal }: Actor, scope: Scope): boolean {
  return principal.kind === 'staff' && principal.scopes.includes(scope)
}

/** Who an audit row names. */
export function actorName({ principal }: Actor): string {
  return principal.kind === 'guest' ? 'guest' : principal.id
}
