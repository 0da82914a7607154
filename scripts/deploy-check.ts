/** `npm run deploy:check`: builds the Worker for each environment as a deployment would, and prints its size. */
import { spawnSync } from 'node:child_process'
import { optionsOf } from './support/arguments.ts'
import { ROOT } from './support/state.ts'

const HELP = `Usage: npm run deploy:check

Runs \`wrangler deploy --dry-run\` for staging and production and prints the size of the Worker. It needs no account.`

const ENVIRONMENTS = ['staging', 'production']
/** Compressed; a Worker on the smallest plan may have 3 MiB, and every byte is start-up time. */
const GZIP_KIB_MAX = 200

optionsOf(HELP, {})
for (const environment of ENVIRONMENTS) check(environment)

function check(environment: string): void {
  const { status, stdout, stderr } = spawnSync(
    'wrangler',
    ['deploy', '--dry-run', '--env', environment],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
    },
  )
  const size = /Total Upload: (?<total>[\d.]+ KiB) \/ gzip: (?<gzip>[\d.]+) KiB/.exec(stdout)
  const gzip = Number(size?.groups?.gzip)
  if (status !== 0 || size === null) {
    console.error(`${environment}: the Worker cannot be deployed\n${stdout}${stderr}`)
    process.exitCode = 1
  } else if (gzip > GZIP_KIB_MAX) {
    console.error(`${environment}: ${gzip} KiB gzipped is over the limit of ${GZIP_KIB_MAX} KiB`)
    process.exitCode = 1
  } else console.log(`${environment}: ${size.groups?.total}, ${gzip} KiB gzipped`)
}
