/** What grants come to: over cells, channels and roles that overlap. */
import { describe, expect, it } from 'vitest'
import { BUILT_IN_ROLES } from '../../../regional/modules/access/built-in-roles.ts'
import {
  covers,
  type HeldGrant,
  knownScopes,
  mergedGrants,
} from '../../../regional/modules/access/grants.ts'
import { roles } from '../../../regional/modules/access/index.ts'
import { GRANT_CHANNELS_MAX } from '../../../shared/contracts/staff.ts'
import {
  ACCESS_TOKEN_BYTES_MAX,
  EVERY_GRANT,
  formatGrants,
  parseGrants,
  SCOPES,
  type Scope,
} from '../../../shared/principal.ts'
import { cloneDatabase } from '../../support/database.ts'
import { accessToken } from '../../support/keys.ts'
import { testServices } from '../../support/services.ts'

function grant(scopes: Scope[], more: Partial<HeldGrant> = {}): HeldGrant {
  return { role: 'test', cell: null, channel: null, scopes, ...more }
}

describe('grants in a cell', () => {
  it('are the union of those that are valid there', () => {
    const held = [
      grant(['orders:read'], { channel: 'web' }),
      grant(['orders:read', 'carts:read'], { channel: 'pos', cell: 'eu' }),
      grant(['catalogue:read']),
      grant(['catalogue:read'], { channel: 'web' }),
      grant(['audit:read'], { cell: 'us' }),
    ]
    expect(formatGrants(mergedGrants(held, 'eu'))).toBe(
      'catalogue:read carts:read@pos orders:read@pos,web',
    )
    expect(formatGrants(mergedGrants(held, 'us'))).toBe('catalogue:read orders:read@web audit:read')
    expect(mergedGrants([], 'eu').size).toBe(0)
  })

  it('of an owner are every scope, also one that a later release adds', () => {
    expect(mergedGrants([grant(knownScopes(['*']))], 'eu')).toEqual(EVERY_GRANT)
    expect(knownScopes(['audit:read', 'of:tomorrow'])).toEqual(['audit:read'])
  })

  it('fit into a token, however many and however long the channels are', async () => {
    const channels = Array.from({ length: GRANT_CHANNELS_MAX }, (_, n) => `${n}`.padStart(32, 'c'))
    const held = channels.map((channel) => grant([...SCOPES], { channel }))
    const scopes = formatGrants(mergedGrants(held, 'eu'))
    const sub = `stf_${'c'.repeat(16)}_${'0'.repeat(32)}`
    const sid = `ses_${'c'.repeat(16)}_${'0'.repeat(32)}`
    const token = await accessToken({ sub, scopes: [scopes], claims: { sid } })
    expect(token.length).toBeLessThan(ACCESS_TOKEN_BYTES_MAX)
    expect(parseGrants(scopes).get('audit:read')).toEqual(channels)
  })
})

describe('a grant is held', () => {
  const cases: [string, HeldGrant[], HeldGrant, boolean][] = [
    ['everywhere', [grant(['orders:read'])], grant(['orders:read'], { channel: 'web' }), true],
    ['of no scope', [], grant([]), true],
    ['not at all', [], grant(['orders:read']), false],
    ['in part', [grant(['orders:read'])], grant(['orders:read', 'carts:read']), false],
    [
      'by two roles',
      [grant(['orders:read']), grant(['carts:read'])],
      grant(['orders:read', 'carts:read']),
      true,
    ],
    [
      'in one channel, for all',
      [grant(['orders:read'], { channel: 'web' })],
      grant(['orders:read']),
      false,
    ],
    [
      'in that channel',
      [grant(['orders:read'], { channel: 'web' })],
      grant(['orders:read'], { channel: 'web' }),
      true,
    ],
    [
      'in one cell, for all',
      [grant(['orders:read'], { cell: 'eu' })],
      grant(['orders:read']),
      false,
    ],
    [
      'in another cell',
      [grant(['orders:read'], { cell: 'us' })],
      grant(['orders:read'], { cell: 'eu' }),
      false,
    ],
  ]
  it.each(cases)('%s', (_, held, wanted, isHeld) => {
    expect(covers(held, wanted)).toBe(isHeld)
  })
})

it('the migration has written the built-in roles as they are declared', async () => {
  const services = testServices(await cloneDatabase())
  const stored = await roles(services.db)
  await services.close()
  const declared = BUILT_IN_ROLES.map(({ name, title, scopes }) => {
    return { name, title, scopes: scopes === 'every' ? [...SCOPES] : scopes, builtIn: true }
  })
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  expect(stored.toSorted(byName)).toEqual(declared.toSorted(byName))
})
