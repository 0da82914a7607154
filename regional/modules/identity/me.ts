/** What the caller is told of themselves, and may change of it. */
import type { Me } from '../../../shared/contracts/identity.ts'
import { formatGrants } from '../../../shared/principal.ts'
import { Problem } from '../../../shared/problems.ts'
import { asAccount } from '../../platform/access.ts'
import type { Runner, Tx } from '../../platform/database.ts'
import type { Actor, Services } from '../../platform/implement.ts'
import { accountById, setProfile } from './accounts.ts'
import { grantsHeld } from './signed-in.ts'

/** @throws {Problem} `token.refused` when the account was closed meanwhile. */
export async function me(runner: Runner, services: Services, actor: Actor): Promise<Me> {
  const account = await accountById(runner, asAccount(actor).id)
  if (account === null || account.email === null || account.status !== 'active') {
    throw new Problem('token.refused')
  }
  const { id, kind, email, name, locale, group, twoFactorEnabled, createdAt } = account
  const scope = kind === 'staff' ? formatGrants(await grantsHeld(runner, services, account)) : ''
  return {
    id,
    kind,
    email,
    name,
    locale,
    group,
    secondFactor: twoFactorEnabled,
    scopes: scope === '' ? [] : scope.split(' '),
    createdAt,
  }
}

export async function updateMe(
  tx: Tx,
  services: Services,
  actor: Actor,
  change: { name?: string | null | undefined; locale?: string | null | undefined },
): Promise<Me> {
  const { id } = asAccount(actor)
  await setProfile(tx, id, change)
  tx.audit({ actor: id, action: 'profile.changed', subject: id, requestId: actor.requestId })
  return await me(tx, services, actor)
}
