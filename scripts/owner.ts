/** `npm run owner`: makes the first owner of a cell, or another when all are lost. */
import { CellName, Email, text } from '../shared/contracts/fields.ts'
import { optionsOf } from './support/arguments.ts'
import { createOwnerAt, inviteOwnerAt, type OwnerRequest } from './support/first-owner.ts'
import { readPasswordFromInput } from './support/read-password.ts'

const HELP = `Usage: DATABASE_URL=postgres://… CELL=eu npm run owner -- --email ADDRESS [--name NAME]

Makes an owner of the cell, who may do everything in it, and prints a link that is good for one use within 72 hours: it
sets the password. With STAFF_URL it leads to the staff's site; without, its token is for POST /v1/invitations/accept.

  --email ADDRESS    of the owner, with which they sign in
  --name NAME        what they are called
  --password-stdin   reads the password from standard input instead of printing a link
  --another          makes one even though the cell has an active owner

Exits 0 when it is done, and 1 with the reason when it is not.`

const options = optionsOf(HELP, {
  email: { type: 'string' },
  name: { type: 'string' },
  'password-stdin': { type: 'boolean', default: false },
  another: { type: 'boolean', default: false },
})

try {
  await run()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const { DATABASE_URL: url, CELL: cell } = process.env
  if (!url) throw new Error('Set DATABASE_URL to the database of the cell.')
  if (!CellName.safeParse(cell).success) throw new Error('Set CELL to the name of the cell.')
  const request = { cell: cell!, ...ownerOf(options), another: options.another }
  if (options['password-stdin']) await create(url, request)
  else await invite(url, request)
}

function ownerOf({ email, name }: typeof options): { email: string; name: string | null } {
  if (!Email.safeParse(email).success) throw new Error('Give an address: --email ADDRESS')
  if (name !== undefined && !text(200).safeParse(name).success) {
    throw new Error('--name must be at most 200 characters of text.')
  }
  return { email: email!, name: name ?? null }
}

async function create(url: string, request: OwnerRequest): Promise<void> {
  const { accountId } = await createOwnerAt(url, {
    ...request,
    password: await readPasswordFromInput(),
  })
  console.log(`${request.email} is an owner of ${request.cell} (${accountId}), and can sign in.`)
}

async function invite(url: string, request: OwnerRequest): Promise<void> {
  const { token, expiresAt } = await inviteOwnerAt(url, request)
  const { STAFF_URL: site } = process.env
  const prefix = site ? `${site.replace(/\/+$/, '')}/accept-invitation#token=` : ''
  console.log(`For ${request.email}, once, until ${expiresAt}:\n${prefix}${token}`)
}
