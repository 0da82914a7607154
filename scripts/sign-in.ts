/** `npm run sign-in`: signs in and prints the access token, for commands that need one. */
import { optionsOf } from './support/arguments.ts'
import { readPasswordFromInput } from './support/read-password.ts'
import { signInAsOwner, signInAt } from './support/sign-in.ts'
import { readDevState } from './support/state.ts'

const HELP = `Usage: npm run sign-in [-- --email ADDRESS [--kind staff|customer]] [--code CODE] [--url URL] [--json]

Prints an access token, good for ten minutes: of the owner that \`npm run dev\` made, or of whoever has that address, whose
password is read from standard input.

  --email ADDRESS  who signs in
  --kind KIND      staff unless told otherwise; one address may belong to one of each
  --code CODE      of the second factor, for who has one
  --url URL        the edge, when it is not that of npm run dev
  --json           prints all that the sign-in answered, the refresh token with it

TOKEN=$(npm run -s sign-in) keeps it for the next command.`

const values = optionsOf(HELP, {
  email: { type: 'string' },
  kind: { type: 'string' },
  code: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
})

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})

async function main(): Promise<void> {
  const { email, code, json } = values
  const kind = kindOf(values.kind ?? 'staff')
  const url = values.url ?? readDevState()?.edgeUrl
  if (url === undefined) throw new Error('No system runs: start it with `npm run dev`')
  if (email === undefined && kind === 'customer') {
    throw new Error('A customer signs in by an address: --email ADDRESS')
  }
  const signedIn =
    email === undefined
      ? await signInAsOwner(url, code)
      : await signInAt(url, { email, password: await readPasswordFromInput(), kind, code })
  console.log(json ? JSON.stringify(signedIn) : signedIn.accessToken)
}

function kindOf(text: string): 'customer' | 'staff' {
  if (text === 'customer' || text === 'staff') return text
  throw new Error(`--kind is staff or customer, and is '${text}'`)
}
