/** What a caller may do. Every staff verb asserts its scope itself, whatever the route asserted before. */
import type { Customer, Scope, Staff } from '../../shared/principal.ts'
import { Problem } from '../../shared/problems.ts'
import type { Actor } from './implement.ts'

/**
 * @param channel of what is touched; left out when it belongs to all of them.
 * @throws {Problem} `access.denied` unless the actor is staff with the scope, in that channel.
 */
export function assertScope(actor: Actor, scope: Scope, channel?: string): void {
  if (!hasScope(actor, scope, channel)) throw new Problem('access.denied')
}

export function hasScope({ principal }: Actor, scope: Scope, channel?: string): boolean {
  if (principal.kind !== 'staff') return false
  const held = principal.grants.get(scope)
  return held === 'all' || (channel !== undefined && held?.includes(channel) === true)
}

/** @throws {Problem} `access.denied` unless the actor is staff that holds the scope in some channel. */
export function assertScopeSomewhere(actor: Actor, scope: Scope): void {
  if (!asStaff(actor).grants.has(scope)) throw new Problem('access.denied')
}

/** @throws {Problem} `access.denied` unless the actor is signed in as staff. */
export function asStaff({ principal }: Actor): Staff {
  if (principal.kind !== 'staff') throw new Problem('access.denied')
  return principal
}

/** @throws {Problem} `access.denied` unless the actor is signed in as a customer. */
export function asCustomer({ principal }: Actor): Customer {
  if (principal.kind !== 'customer') throw new Problem('access.denied')
  return principal
}

/** @throws {Problem} `access.denied` unless the actor is signed in, as a customer or as staff. */
export function asAccount({ principal }: Actor): Customer | Staff {
  if (principal.kind === 'guest') throw new Problem('access.denied')
  return principal
}

/** Who an audit row names. */
export function actorName({ principal }: Actor): string {
  return principal.kind === 'guest' ? 'guest' : principal.id
}
