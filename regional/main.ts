/** The process of a cell: `node regional/main.ts`, configured by its environment. */
import { readConfig } from './config.ts'
import { startCell } from './start-cell.ts'

/** What a drain may take beyond its requests, for jobs and pools, before the process leaves all the same. */
const REST_MS_MAX = 6_000

try {
  const config = readConfig(process.env)
  const cell = await startCell(config)
  let draining = false
  const stop = async (signal: NodeJS.Signals) => {
    if (draining) process.exit(1)
    draining = true
    cell.services.log.info({ signal }, 'draining')
    setTimeout(() => {
      cell.services.log.error('work under way was cut off')
      process.exit(1)
    }, config.DRAIN_MS_MAX + REST_MS_MAX).unref()
    await cell.drain()
    cell.services.log.info('stopped')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
