/** `npm run demo`: walks the path through a running system and prints each step. */
import { parseArgs } from 'node:util'
import { walkDemo } from './support/demo-path.ts'
import { readDevState } from './support/state.ts'
import type { WalkedStep } from './support/walk.ts'
import { issueToken } from './token.ts'

const HELP = `Usage: npm run demo [-- --url URL] [--json]

Walks the path through the system that \`npm run dev\` runs: browse at the edge, buy in the cell, change a price and
see it. Prints for each step what was asked, the status, where it was answered, the cell and the milliseconds.

  --url   the edge to walk, when it is not that of npm run dev
  --json  prints {ok, steps} as the last line

TRADEWIND_TOKEN may hold a staff token; otherwise one is issued with the keys of development.`

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else {
  await main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

async function main(): Promise<void> {
  const baseUrl = values.url ?? readDevState()?.edgeUrl
  if (baseUrl === undefined) throw new Error('No system runs: start it with `npm run dev`')
  const staffToken = process.env.TRADEWIND_TOKEN ?? (await issueToken({ role: 'staff' }))
  const onStep = values.json ? () => {} : print
  const steps = await walkDemo({ baseUrl, staffToken, onStep })
  const faults = steps.filter(({ fault }) => fault !== null)
  if (values.json) console.log(JSON.stringify(reported(steps)))
  else console.log(faults.length === 0 ? '\nAll is well.' : `\n${faults.length} steps went wrong.`)
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

function print(step: WalkedStep): void {
  const { name, request, status, cacheStatus, cell, ms, fault } = step
  const row = [
    fault === null ? 'ok  ' : 'FAIL',
    name.padEnd(38),
    shortened(request).padEnd(46),
    String(status).padEnd(4),
    (cacheStatus ?? '-').padEnd(34),
    (cell ?? '-').padEnd(4),
    `${ms.toFixed(1)} ms`.padStart(9),
  ]
  console.log(row.join(' '))
  if (fault !== null) console.log(`     ${fault}`)
}

/** Ids are long and say nothing here. */
function shortened(request: string): string {
  return request.replaceAll(/_[0-9a-f]{28}([0-9a-f]{4})/g, '_…$1')
}
