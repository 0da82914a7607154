/** Staff: the roles there are, who has which, and how somebody is invited to be one of them. */
import { z } from 'zod'
import { SCOPES } from '../principal.ts'
import { ListLimit } from './catalog-fields.ts'
import { endpoint, forward } from './endpoint.ts'
import { CellName, Channel, Email, InvitationId, Locale, StaffId, text } from './fields.ts'
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from './identity.ts'

export const GRANTS_MAX = 20
/** So many that the longest names of them, in every scope, leave room in a token. */
export const GRANT_CHANNELS_MAX = 5
export const INVITATION_HOURS = 72

const RoleName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/)
const Scope = z.enum(SCOPES)

export const Role = z.object({
  name: RoleName,
  title: z.string(),
  scopes: z.array(Scope),
  builtIn: z.boolean().describe('Cannot be changed'),
})
export type Role = z.infer<typeof Role>

export const StaffGrant = z.object({
  role: RoleName,
  cell: CellName.nullable().describe('The cell it is valid in; null for every cell'),
  channel: Channel.nullable().describe('The sales channel it is valid in; null for every channel'),
})
export type StaffGrant = z.infer<typeof StaffGrant>

const NewGrants = z
  .array(
    z.strictObject({
      role: RoleName,
      cell: CellName.nullable().default(null),
      channel: Channel.nullable().default(null),
    }),
  )
  .max(GRANTS_MAX)
  .refine(
    (grants) => new Set(grants.map(({ channel }) => channel)).size <= GRANT_CHANNELS_MAX,
    `at most ${GRANT_CHANNELS_MAX} channels`,
  )
  .refine(
    (grants) => grants.every(({ role, channel }) => role !== 'owner' || channel === null),
    'an owner is one in every channel',
  )

export const StaffMember = z.object({
  id: StaffId,
  email: z.string(),
  name: z.string().nullable(),
  status: z.enum(['active', 'deactivated']),
  secondFactor: z.boolean(),
  grants: z.array(StaffGrant),
  createdAt: z.iso.datetime(),
})
export type StaffMember = z.infer<typeof StaffMember>

export const Invitation = z.object({
  id: InvitationId,
  email: z.string(),
  name: z.string().nullable(),
  grants: z.array(StaffGrant),
  invitedBy: z.string().describe('An account, or `operator`'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})
export type Invitation = z.infer<typeof Invitation>

const read = 'staff:staff:read'
const write = 'staff:staff:write'
const memberParams = z.strictObject({ accountId: StaffId })

export const listRoles = endpoint({
  method: 'get',
  path: '/v1/staff/roles',
  summary: 'Every role with its scopes',
  access: read,
  serve: forward(),
  request: {},
  response: z.object({ items: z.array(Role) }),
  problems: [],
})

export const putRole = endpoint({
  method: 'put',
  path: '/v1/staff/roles/{role}',
  summary: 'Makes a role, or changes one: whoever has it holds its scopes from their next token on',
  access: write,
  serve: forward(),
  request: {
    params: z.strictObject({ role: RoleName }),
    body: z.strictObject({ title: text(100), scopes: z.array(Scope).max(SCOPES.length) }),
  },
  response: Role,
  problems: ['role.in_use'],
})

export const deleteRole = endpoint({
  method: 'delete',
  path: '/v1/staff/roles/{role}',
  summary: 'Deletes a role that nobody has',
  access: write,
  serve: forward(),
  request: { params: z.strictObject({ role: RoleName }) },
  response: Role,
  problems: ['role.unknown', 'role.in_use'],
})

export const listMembers = endpoint({
  method: 'get',
  path: '/v1/staff/members',
  summary: 'A page of the staff, by when they joined',
  access: read,
  serve: forward(),
  request: { query: z.strictObject({ limit: ListLimit, after: StaffId.optional() }) },
  response: z.object({
    items: z.array(StaffMember),
    next: StaffId.nullable().describe('Pass it as `after` for the page that follows'),
  }),
  problems: [],
})

export const getMember = endpoint({
  method: 'get',
  path: '/v1/staff/members/{accountId}',
  summary: 'One member of the staff',
  access: read,
  serve: forward(),
  request: { params: memberParams },
  response: StaffMember,
  problems: ['account.unknown'],
})

export const setGrants = endpoint({
  method: 'put',
  path: '/v1/staff/members/{accountId}/grants',
  summary: 'Sets the roles of a member; nobody gives or takes what they do not hold themselves',
  access: write,
  serve: forward(),
  request: { params: memberParams, body: z.strictObject({ grants: NewGrants }) },
  response: StaffMember,
  problems: ['account.unknown', 'role.unknown', 'staff.last_owner'],
})

export const deactivateMember = endpoint({
  method: 'post',
  path: '/v1/staff/members/{accountId}/deactivate',
  summary: 'Takes away a member’s access at once, wherever they are signed in',
  access: write,
  serve: forward(),
  request: { params: memberParams },
  response: StaffMember,
  problems: ['account.unknown', 'staff.last_owner'],
})

export const activateMember = endpoint({
  method: 'post',
  path: '/v1/staff/members/{accountId}/activate',
  summary: 'Gives a member access again, with the roles they have',
  access: write,
  serve: forward(),
  request: { params: memberParams },
  response: StaffMember,
  problems: ['account.unknown'],
})

export const createInvitation = endpoint({
  method: 'post',
  path: '/v1/staff/invitations',
  summary: 'Invites an address to the staff by e-mail; an earlier invitation of it ends',
  access: write,
  serve: forward({ creates: true }),
  status: 201,
  request: {
    body: z.strictObject({
      email: Email,
      name: text(200).nullable().default(null),
      locale: Locale.default('en'),
      grants: NewGrants,
    }),
  },
  response: Invitation,
  problems: ['role.unknown', 'account.state_conflict'],
})

export const listInvitations = endpoint({
  method: 'get',
  path: '/v1/staff/invitations',
  summary: 'A page of the invitations that can still be accepted, oldest first',
  access: read,
  serve: forward(),
  request: { query: z.strictObject({ limit: ListLimit, after: InvitationId.optional() }) },
  response: z.object({
    items: z.array(Invitation),
    next: InvitationId.nullable().describe('Pass it as `after` for the page that follows'),
  }),
  problems: [],
})

export const deleteInvitation = endpoint({
  method: 'delete',
  path: '/v1/staff/invitations/{invitationId}',
  summary: 'Withdraws an invitation',
  access: write,
  serve: forward(),
  request: { params: z.strictObject({ invitationId: InvitationId }) },
  response: Invitation,
  problems: ['invitation.unknown'],
})

export const acceptInvitation = endpoint({
  method: 'post',
  path: '/v1/invitations/accept',
  summary: 'Becomes one of the staff by the link that was sent; then sign in',
  access: 'public',
  serve: forward(),
  limit: { policy: 'sign-in', account: 'token' },
  request: {
    body: z.strictObject({
      token: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
      name: text(200).optional().describe('Without one, as the invitation says'),
      password: text(PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN),
    }),
  },
  response: z.object({ status: z.literal('done') }),
  problems: ['link.refused'],
})
