/** `npm run demo`: walks the path through a running system and prints each step. */
import { styleText } from 'node:util'
import { optionsOf } from './support/arguments.ts'
import { walkDemo } from './support/demo-path.ts'
import { developerToken } from './support/sign-in.ts'
import { readDevState } from './support/state.ts'
import type { WalkedStep } from './support/walk.ts'

const HELP = `Usage: npm run demo [-- --url URL] [--json]

Walks the path through the system that \`npm run dev\` runs: browse at the edge, buy in the cell, sign up and in as a
customer, buy and sign out again, change a price and see it. Prints for each step what was asked, the status, where it was answered, the cell and the milliseconds.

  --url   the edge to walk, when it is not that of npm run dev
  --json  prints {ok, steps} as the last line

TRADEWIND_TOKEN may hold a staff token; otherwise the development system's owner signs in.`

const COLUMNS = { name: 38, status: 8, where: 34, cell: 5, ms: 9 }

const values = optionsOf(HELP, {
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
})

await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})

async function main(): Promise<void> {
  const baseUrl = values.url ?? readDevState()?.edgeUrl
  if (baseUrl === undefined) throw new Error('No system runs: start it with `npm run dev`')
  const staffToken = process.env.TRADEWIND_TOKEN ?? (await developerToken(baseUrl))
  const onStep = values.json ? () => {} : print
  if (!values.json) printHeading(baseUrl)
  const steps = await walkDemo({ baseUrl, staffToken, onStep })
  const faults = steps.filter(({ fault }) => fault !== null)
  if (values.json) console.log(JSON.stringify(reported(steps)))
  else {
    const seen = `${steps.length} steps, ${faults.length} went wrong`
    console.log(faults.length === 0 ? '\nAll is well.' : `\n${seen}.`)
  }
  process.exitCode = faults.length === 0 ? 0 : 1
}

function reported(steps: readonly WalkedStep[]) {
  return {
    ok: steps.every(({ fault }) => fault === null),
    steps: steps.map(({ name, status, cacheStatus, cell, ms, fault }) => ({
      name,
      status,
      cacheStatus,
      cell,
      ms,
      ...(fault === null ? {} : { fault }),
    })),
  }
}

function printHeading(baseUrl: string): void {
  const { name, status, where, cell, ms } = COLUMNS
  const titles = [
    '  ',
    'step'.padEnd(name),
    'status'.padEnd(status),
    'Cache-Status: tradewind'.padEnd(where),
    'cell'.padEnd(cell),
    'time'.padStart(ms),
    ' request',
  ]
  console.log(`The path through ${baseUrl}\n\n${styleText('bold', titles.join(' '))}`)
}

function print(step: WalkedStep): void {
  const { request, ms, fault } = step
  const row = [
    fault === null ? styleText('green', '✓ ') : styleText('red', '✗ '),
    step.name.padEnd(COLUMNS.name),
    String(step.status).padEnd(COLUMNS.status),
    (step.cacheStatus ?? '-').replace(/^tradewind; /, '').padEnd(COLUMNS.where),
    (step.cell ?? '-').padEnd(COLUMNS.cell),
    `${ms.toFixed(1)} ms`.padStart(COLUMNS.ms),
    styleText('dim', ` ${shortened(request)}`),
  ]
  console.log(row.join(' '))
  if (fault !== null) console.log(styleText('red', `   ${fault}`))
}

/** Ids are long and say nothing here. */
function shortened(request: string): string {
  return request.replaceAll(/_[0-9a-f]{28}([0-9a-f]{4})/g, '_…$1')
}
