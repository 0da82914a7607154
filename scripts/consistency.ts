/** `npm run consistency`: proves, on real systems, that no cached read is ever wrong. */
import { SingleBar } from 'cli-progress'
import { killChildren } from '../test/bench/child.ts'
import { type Break, breaks, controlOf } from '../test/consistency/breaks/index.ts'
import { type Fault, faults } from '../test/consistency/faults/index.ts'
import { jsonOf, linesOf } from '../test/consistency/report.ts'
import { type RunPlan, type RunResult, runOnce } from '../test/consistency/run.ts'
import { Stage } from '../test/consistency/stage.ts'
import { optionsOf } from './support/arguments.ts'

const listed = (all: readonly { name: string; about: string }[]) =>
  all.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')

const HELP = `Usage: npm run consistency -- [--seconds N] [--edges K] [--fault NAME|all] [--break NAME|all]

Runs real Postgres, real cells and K edges (two of them real workerd) with concurrent writers and readers, and checks
every answer against a history of what was true. Exits 0 only if every answer was right; with --break only if the
missing rule showed.

  --seconds N   how long each run reads and writes (10)
  --edges K     2 to 12 (4)
  --seed S      chooses the operations; a random one is printed otherwise
  --fault NAME  something goes wrong meanwhile; all: one run for each
  --break NAME  one rule of the protocol is not kept, and must be missed; all: one run for each,
                repeated with the next seed up to twice if nothing was noticed
  --control     with --break: the rule is kept, and nothing may be noticed under the same load and fault
  --json        prints {operations, hits, violations, staleness, caught, …} in JSON, last
  --help        this text

Faults:
${listed(faults)}

Breaks:
${listed(breaks)}`

const SECONDS_MAX = 3_600
const EDGES_MIN = 2
const EDGES_MAX = 12
const SEED_BELOW = 2 ** 31
/** A rule that is not kept shows by chance, the later the slower the machine: it is looked for so often. */
const LOOKS_MAX = 3

type Chosen = Pick<RunPlan, 'fault' | 'broken'>

async function main(): Promise<void> {
  const options = optionsOf(HELP, {
    seconds: { type: 'string', default: '10' },
    edges: { type: 'string', default: '4' },
    seed: { type: 'string' },
    fault: { type: 'string' },
    break: { type: 'string' },
    control: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  })
  const seconds = wholeNumber('seconds', options.seconds, { from: 1, to: SECONDS_MAX })
  const edges = wholeNumber('edges', options.edges, { from: EDGES_MIN, to: EDGES_MAX })
  const random = String(Math.floor(Math.random() * SEED_BELOW))
  const seed = wholeNumber('seed', options.seed ?? random, { from: 0, to: SEED_BELOW - 1 })
  const runs = chosenRuns(options)
  const bar = new Bar(runs.length)
  const stage = await Stage.open()
  const results: RunResult[] = []
  try {
    for (const [index, chosen] of runs.entries()) {
      bar.name = chosen.fault?.name ?? chosen.broken?.name ?? 'no fault'
      const onProgress = (share: number) => bar.show(index + share)
      const looksMax = chosen.broken === undefined ? 1 : LOOKS_MAX
      for (let look = 0; look < looksMax; look += 1) {
        const plan = { seconds, edges, seed: (seed + look) % SEED_BELOW, ...chosen, onProgress }
        const result = await runOnce(stage, plan)
        bar.hide()
        for (const line of linesOf(result)) console.log(line)
        const isOver = result.caught !== false || look + 1 === looksMax
        if (isOver) results.push(result)
        if (isOver) break
        console.log(`  looked for with another seed, ${looksMax - look - 1} more time(s)`)
      }
    }
  } finally {
    bar.hide()
    await stage.close()
  }
  if (options.json) console.log(JSON.stringify(jsonOf(results)))
  process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1
}

function chosenRuns(options: {
  fault?: string | undefined
  break?: string | undefined
  control: boolean
}): Chosen[] {
  const { fault, break: broken, control } = options
  if (fault !== undefined && broken !== undefined) {
    throw new Error('Choose a fault or a break: a missing rule brings the fault that it needs')
  }
  if (fault !== undefined)
    return named<Fault>('fault', faults, fault).map((each) => ({ fault: each }))
  if (broken === undefined) return [{}]
  const chosen = named<Break>('break', breaks, broken)
  return chosen.map((each) => (control ? { fault: controlOf(each) } : { broken: each }))
}

function named<T extends { name: string }>(what: string, all: readonly T[], name: string): T[] {
  const found = name === 'all' ? [...all] : all.filter((each) => each.name === name)
  if (found.length > 0) return found
  throw new Error(`There is no ${what} '${name}': ${all.map((each) => each.name).join(', ')}, all`)
}

function wholeNumber(name: string, text: string, { from, to }: { from: number; to: number }) {
  const number = Number(text)
  if (Number.isInteger(number) && number >= from && number <= to) return number
  throw new Error(`--${name} is a whole number from ${from} to ${to}`)
}

/** On a terminal; elsewhere the lines of each run are enough. */
class Bar {
  name = ''
  readonly #runs: number
  #bar: SingleBar | null = null

  constructor(runs: number) {
    this.#runs = runs
  }

  show(runsDone: number): void {
    if (!process.stdout.isTTY) return
    if (this.#bar === null) {
      const format = '{bar} {percentage} % | {name}'
      const characters = { barCompleteChar: '█', barIncompleteChar: '░' }
      this.#bar = new SingleBar({ format, hideCursor: true, ...characters })
      this.#bar.start(this.#runs, 0, { name: this.name })
    }
    this.#bar.update(runsDone, { name: this.name })
  }

  hide(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}

process.once('exit', killChildren)
await main().catch((error: Error) => {
  console.error(error.message)
  if (error.cause !== undefined) console.error(error.cause)
  process.exitCode = 1
})
