/** `npm run bench`: what the system costs over the least that the same work can cost. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { killChildren } from '../test/bench/child.ts'
import { type Plan, type Row, rowOf, takeTurns } from '../test/bench/measure.ts'
import { type RowSpec, rows } from '../test/bench/rows.ts'
import { openStage } from '../test/bench/stage.ts'

const HELP = `Usage: npm run bench [-- NAME…] [--quick] [--seconds N] [--json]

Measures each row against its floor in turns and prints requests per second. Exits 0 only if every bar held.

${rows.map(({ name, bar, about }) => `  ${name.padEnd(14)}${bar.toFixed(1)}  ${about}`).join('\n')}

  --quick      fewer turns: under 45 seconds for all rows on an idle machine, less exact
  --seconds N  of each turn (1)
  --json       prints {rows, limits} in JSON, last`

/** Many short turns rather than few long ones: the median then sheds what else the machine did meanwhile. */
const TURNS = 9
const QUICK_TURNS = 3
const SECONDS_MAX = 20

/** What the machine, not the row, sets a limit to. */
interface Report {
  rows: Row[]
  limits: string[]
}

export async function bench(
  specs: readonly RowSpec[],
  plan: Plan,
  say: (line: string) => void,
): Promise<Report> {
  say(`${cpus().length} cores, ${plan.turns} turns of ${plan.secondsPerTurn} s`)
  const stage = await openStage()
  try {
    const measured: Row[] = []
    say(HEADING)
    for (const spec of specs) {
      const contest = await spec.prepare(stage, plan)
      try {
        measured.push(rowOf(spec, await takeTurns(contest, plan), contest.notes))
      } finally {
        await contest.close()
      }
      say(lineOf(measured.at(-1)!))
    }
    return { rows: measured, limits: [] }
  } finally {
    await stage.close()
  }
}

const HEADING = 'row             floor/s   ours/s   ratio  p99 ratio   bar'

export function lineOf({ name, floor, ours, ratio, p99Ratio, bar, ok, notes }: Row): string {
  const noted = Object.entries(notes).map(([note, value]) => `${note} ${value}`)
  const columns = [
    name.padEnd(14),
    String(floor).padStart(8),
    String(ours).padStart(8),
    ratio.toFixed(2).padStart(7),
    p99Ratio.toFixed(2).padStart(10),
    bar.toFixed(2).padStart(5),
  ]
  return [...columns, ok ? ' ok   ' : ' below', noted.join(', ')].join(' ').trimEnd()
}

/** @throws {Error} that says what may be asked. */
export function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const unknown = positionals.find((name) => !rows.some((row) => row.name === name))
  if (unknown !== undefined) throw new Error(`There is no row '${unknown}'\n\n${HELP}`)
  const secondsPerTurn = Number(values.seconds ?? 1)
  if (!Number.isInteger(secondsPerTurn) || secondsPerTurn < 1 || secondsPerTurn > SECONDS_MAX) {
    throw new Error(`--seconds is a whole number from 1 to ${SECONDS_MAX}`)
  }
  return {
    specs: rows.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    plan: { turns: values.quick ? QUICK_TURNS : TURNS, secondsPerTurn },
    json: values.json,
    help: values.help,
  }
}

async function main(): Promise<void> {
  const { specs, plan, json, help } = readArguments(process.argv.slice(2))
  if (help) return console.log(HELP)
  const report = await bench(specs, plan, console.log)
  if (json) console.log(JSON.stringify(report))
  process.exitCode = report.rows.every((row) => row.ok) ? 0 : 1
}

if (import.meta.main) {
  process.once('exit', killChildren)
  await main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
    // A row that failed half-way has started what it can no longer stop.
    killChildren()
  })
}
