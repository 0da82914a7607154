/** `docs/access.md`: who may call what, as the contracts and the built-in roles say. */
import { BUILT_IN_ROLES, type BuiltInRole } from '../../regional/modules/access/built-in-roles.ts'
import { allEndpoints, type NamedEndpoint } from '../../shared/contracts/index.ts'
import { SCOPES, type Scope } from '../../shared/principal.ts'

export const CALLERS = ['guest', 'customer', ...BUILT_IN_ROLES.map(({ name }) => name)]

/** Anything; nothing; what is the caller's own. */
export type Allowed = '✓' | '–' | 'own'

const HEAD = `# Who may call what

Written by \`npm run generate\` from the contracts and the built-in roles; \`test/contract/access.test.ts\` calls every contract
as each of these and compares.

| sign | meaning |
| --- | --- |
| ✓ | may call it |
| – | is refused with \`access.denied\` |
| own | may call it for what is theirs: their account, or what they hold the secret or the link of |

A role is a name for scopes, and a grant gives a role to somebody, in one cell or in all, in one sales channel or in all. Roles
are data: \`PUT /v1/staff/roles/{role}\` makes others. The built-in ones cannot be changed:

`

const RULES = `
What a contract's row says is asked of the access token, first by the route and then by the verb itself. Beyond that:

- A scope that is held in some channels only is good for what belongs to those channels, and for nothing else.
- Nobody gives or takes a role, or changes one, whose scopes they do not hold as widely themselves; only owners touch owners.
  This is read from the database, not from the token, behind one lock: somebody who is being removed cannot
  give themselves anything back.
- The last active owner of a cell can neither be deactivated nor lose the role, whoever asks, and however many at once.
- An invitation is good for one use within 72 hours, as long as whoever sent it still holds what it gives.
- A change of roles ends the access tokens it concerns, and the next ones have the new scopes. Deactivation ends the sessions too.
- The first owner of a cell is made by \`npm run owner -- --email ADDRESS\`, by whoever has its database.

`

export function accessPage(): string {
  const roles = BUILT_IN_ROLES.map(
    (role) => `| ${role.name} | ${role.scopes === 'every' ? 'every scope' : scopeList(role)} |`,
  )
  const rows = allEndpoints().map((named) => {
    const cells = CALLERS.map((caller) => allowed(named, caller))
    return `| \`${named.id}\` | ${[`\`${named.endpoint.access}\``, ...cells].join(' | ')} |`
  })
  return [
    HEAD,
    tableHead('role', 'scopes'),
    `${roles.join('\n')}\n`,
    RULES,
    tableHead('contract', 'access', ...CALLERS),
    `${rows.join('\n')}\n`,
  ].join('')
}

function tableHead(...names: string[]): string {
  return `| ${names.join(' | ')} |\n|${' --- |'.repeat(names.length)}\n`
}

function scopeList(role: BuiltInRole): string {
  return scopesOf(role)
    .map((scope) => `\`${scope}\``)
    .join(' ')
}

function scopesOf({ scopes }: BuiltInRole): readonly Scope[] {
  return scopes === 'every' ? SCOPES : scopes
}

function allowed({ module, endpoint }: NamedEndpoint, caller: string): Allowed {
  const { access, method } = endpoint
  const role = BUILT_IN_ROLES.find(({ name }) => name === caller)
  const scopes = role === undefined ? [] : scopesOf(role)
  if (access === 'public') return '✓'
  if (access === 'holder') {
    return method === 'get' && scopes.includes(`${module}:read` as Scope) ? '✓' : 'own'
  }
  if (access === 'account') return caller === 'guest' ? '–' : 'own'
  if (access === 'customer') return caller === 'customer' ? 'own' : '–'
  if (access === 'staff') return role === undefined ? '–' : 'own'
  return scopes.includes(access.slice('staff:'.length) as Scope) ? '✓' : '–'
}
