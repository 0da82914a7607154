/** The process of a cell: `node regional/main.ts`, configured by its environment. */
import { readConfig } from './config.ts'
import { startCell } from './start-cell.ts'

try {
  const cell = await startCell(readConfig(process.env))
  let draining = false
  const stop = async (signal: NodeJS.Signals) => {
    if (draining) process.exit(1)
    draining = true
    cell.services.log.info({ signal }, 'draining')
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
