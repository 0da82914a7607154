/** `npm run verify`: what a change must pass before it is committed, without a database, in under a minute. */
import { optionsOf } from './support/arguments.ts'
import { runSteps } from './support/run-steps.ts'

const HELP = `Usage: npm run verify

Checks format and lint, types, unused files and dependencies, drift of generated files, boundaries and unit tests.
It needs no database.`

optionsOf(HELP, {})
const ok = runSteps([
  { name: 'format and lint', command: ['biome', 'check', '.'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'types of the edge', command: ['tsc', '--noEmit', '-p', 'edge'] },
  { name: 'unused files and dependencies', command: ['knip'] },
  { name: 'generated files', command: ['node', 'scripts/generate.ts', '--check'] },
  { name: 'boundaries and unit tests', command: ['vitest', 'run', '--project', 'unit'] },
])
process.exitCode = ok ? 0 : 1
