/** `npm run bench`: what the system costs over the least that the same work can cost. */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { killChildren } from '../test/bench/child.ts'
import { type Limit, type LimitSpec, limitOf, limits } from '../test/bench/limits.ts'
import { type Plan, type Row, rowOf, takeTurns } from '../test/bench/measure.ts'
import { type RowSpec, rows } from '../test/bench/rows.ts'
import { openStage, type Stage } from '../test/bench/stage.ts'

const HELP = `Usage: npm run bench [-- NAME…] [--quick] [--seconds N] [--slack SHARE] [--json]

Measures each row against its floor in turns and prints requests per second, then what an isolate of the edge costs.
A NAME is a row's or a limit's; without one, all are measured. Exits 0 only if every bar and every limit held.

${rows.map(({ name, bar, about }) => `  ${name.padEnd(16)}${bar.toFixed(2)}  ${about}`).join('\n')}

${limits.map(({ name, limit, unit, about }) => `  ${name.padEnd(14)}${`${limit} ${unit}`.padStart(8)}  ${about}`).join('\n')}

  --quick      fewer turns: about 75 seconds for all on an idle machine, less exact
  --seconds N  of each turn (1)
  --slack N    exits 0 though bars and limits are missed by up to this share, from 0 to 0.9: for a machine with neighbours
  --json       prints {rows, limits} in JSON, last`

/** Many short turns rather than few long ones: the median then sheds what else the machine did meanwhile. */
const TURNS = 9
const QUICK_TURNS = 3
const PEOPLE = 5_000
const QUICK_PEOPLE = 500
const SECONDS_MAX = 20
const SLACK_MAX = 0.9

interface Report {
  rows: Row[]
  limits: Limit[]
}

/** What is to be measured. */
interface Selection {
  rows: readonly RowSpec[]
  limits: readonly LimitSpec[]
}

export async function bench(
  selected: Selection,
  plan: Plan,
  say: (line: string) => void,
): Promise<Report> {
  say(`${cpus().length} cores, ${plan.turns} turns of ${plan.secondsPerTurn} s`)
  const stage = await openStage()
  try {
    const measured: Row[] = []
    if (selected.rows.length > 0) say(HEADING)
    for (const spec of selected.rows) {
      measured.push(await measureRow(spec, stage, plan))
      say(lineOf(measured.at(-1)!))
    }
    const found: Limit[] = []
    for (const spec of selected.limits) {
      found.push(limitOf(spec, await spec.measure(stage, plan)))
      say(limitLineOf(found.at(-1)!))
    }
    return { rows: measured, limits: found }
  } finally {
    await stage.close()
  }
}

async function measureRow(spec: RowSpec, stage: Stage, plan: Plan): Promise<Row> {
  const contest = await spec.prepare(stage, plan)
  try {
    return rowOf(spec, await takeTurns(contest, plan), contest.notes)
  } finally {
    await contest.close()
  }
}

const HEADING = 'row               floor/s   ours/s   ratio   bar  p99 ratio   bar'

export function lineOf({
  name,
  floor,
  ours,
  ratio,
  p99Ratio,
  bar,
  p99Bar,
  ok,
  notes,
}: Row): string {
  const columns = [
    name.padEnd(16),
    String(floor).padStart(8),
    String(ours).padStart(8),
    ratio.toFixed(2).padStart(7),
    bar.toFixed(2).padStart(5),
    p99Ratio.toFixed(2).padStart(10),
    (p99Bar?.toFixed(2) ?? '').padStart(5),
  ]
  return [...columns, verdict(ok), noted(notes)].join(' ').trimEnd()
}

export function limitLineOf({ name, value, unit, limit, ok, notes }: Limit): string {
  const columns = [name.padEnd(16), `${value} ${unit}`.padStart(17), `of ${limit}`.padStart(13)]
  return [...columns, verdict(ok), noted(notes)].join(' ').trimEnd()
}

function noted(notes: Readonly<Record<string, number>>): string {
  return Object.entries(notes)
    .map(([note, value]) => `${note} ${value}`)
    .join(', ')
}

function verdict(ok: boolean): string {
  return ok ? ' ok    ' : ' missed'
}

/** @throws {Error} that says what may be asked. */
export function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      slack: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const names = [...rows, ...limits].map(({ name }) => name)
  const unknown = positionals.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`There is no row or limit '${unknown}'\n\n${HELP}`)
  const secondsPerTurn = Number(values.seconds ?? 1)
  if (!Number.isInteger(secondsPerTurn) || secondsPerTurn < 1 || secondsPerTurn > SECONDS_MAX) {
    throw new Error(`--seconds is a whole number from 1 to ${SECONDS_MAX}`)
  }
  const slack = Number(values.slack ?? 0)
  if (!(slack >= 0 && slack <= SLACK_MAX))
    throw new Error(`--slack is a number from 0 to ${SLACK_MAX}`)
  const isAsked = ({ name }: { name: string }) =>
    positionals.length === 0 || positionals.includes(name)
  const isTooLong = ({ isLong }: LimitSpec) =>
    isLong === true && values.quick && positionals.length === 0
  return {
    selected: {
      rows: rows.filter(isAsked),
      limits: limits.filter((limit) => isAsked(limit) && !isTooLong(limit)),
    },
    plan: {
      turns: values.quick ? QUICK_TURNS : TURNS,
      secondsPerTurn,
      people: values.quick ? QUICK_PEOPLE : PEOPLE,
    },
    slack,
    json: values.json,
    help: values.help,
  }
}

/** Whether a row misses its bars by no more than this share of them. */
export function isWithin({ ratio, bar, p99Ratio, p99Bar }: Row, slack: number): boolean {
  const p99Max = (p99Bar ?? Number.POSITIVE_INFINITY) / (1 - slack)
  return ratio >= bar * (1 - slack) && p99Ratio <= p99Max
}

async function main(): Promise<void> {
  const { selected, plan, slack, json, help } = readArguments(process.argv.slice(2))
  if (help) return console.log(HELP)
  const report = await bench(selected, plan, console.log)
  if (json) console.log(JSON.stringify(report))
  const holds =
    report.rows.every((row) => isWithin(row, slack)) &&
    report.limits.every(({ value, limit }) => value * (1 - slack) <= limit)
  process.exitCode = holds ? 0 : 1
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
