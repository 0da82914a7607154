/** JSON logs, one line an event. Never a header, a body, or a driver's message: those may hold somebody's data. */
import { pino } from 'pino'

export type Logger = pino.Logger

export function createLog(options: { level: string; cell: string }): Logger {
  return pino({
    level: options.level,
    base: { cell: options.cell },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
