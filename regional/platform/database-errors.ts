/** What a failed statement means: which constraint, whether the database can be reached, whether it was a matter of timing. */
import { Problem } from '../../shared/problems.ts'

interface DriverError extends Error {
  code?: string
  constraint?: string
}

/** The SQLSTATE of a database error, or a socket's code, wherever the driver's wrapper holds it. */
export function codeOf(error: unknown): string | undefined {
  return codedError(error)?.code
}

/** The name of the constraint that a database error reports. */
export function constraintOf(error: unknown): string | undefined {
  return codedError(error)?.constraint
}

/** A problem's own code is not a driver's. */
function codedError(error: unknown): DriverError | undefined {
  if (!(error instanceof Error)) return undefined
  const isCoded = typeof (error as DriverError).code === 'string' && !(error instanceof Problem)
  return isCoded ? error : codedError(error.cause)
}

/** SQLSTATE: serialization failure, deadlock. Everything was rolled back, and running it again may succeed. */
const LOST_A_RACE = new Set(['40001', '40P01'])

export function lostRace(error: unknown): boolean {
  return LOST_A_RACE.has(codeOf(error) ?? '')
}

/** SQLSTATE: a lock or a statement that took longer than it may. */
const TOO_SLOW = new Set(['55P03', '57014'])

/**
 * SQLSTATE classes that say that the database cannot serve now: connection, resources, operator and start-up, an
 * abandoned transaction, a standby in the primary's place; and the codes of sockets and of name look-up.
 */
const UNAVAILABLE =
  /^(?:08|53|57P|25P03|25006|ECONN|EHOST|ENET|EAI_|ETIMEDOUT|ENOTFOUND|EPIPE|ERR_STREAM|ERR_SOCKET)/

/** What the drivers say of a connection that is gone, without a code. */
const GONE =
  /^(?:Connection terminated|Connection ended|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|Received unexpected \w+ message)/

/** The problem that a caller is told, who may come back; `null` for what is not the database's state but a bug. */
export function databaseProblem(error: Error): Problem | null {
  const code = codeOf(error)
  if (code !== undefined && (LOST_A_RACE.has(code) || TOO_SLOW.has(code))) {
    return new Problem('cell.overloaded', { cause: error })
  }
  const isGone = code === undefined ? GONE.test(rootOf(error).message) : UNAVAILABLE.test(code)
  return isGone ? new Problem('cell.unavailable', { cause: error }) : null
}

/**
 * What a log, or a job's record, may hold of an error: kind, code, and the reason where it is our own. Never what a
 * driver says, which can hold a statement's parameters, nor a parser, which quotes what it read.
 */
export function reasonOf(error: unknown): { error: string; code?: string; reason?: string } {
  if (!(error instanceof Error)) return { error: typeof error }
  const root = rootOf(error)
  const code = codeOf(error)
  const isOurs = code === undefined && !isQuoting(root)
  return {
    error: root.name,
    ...(code === undefined ? {} : { code }),
    ...(isOurs ? { reason: root.message } : {}),
  }
}

/** The places of an error's stack: its message stands before them, and may have lines that look like places. */
export function placesOf(error: Error): string | undefined {
  const { stack = '', message } = error
  const end = stack.indexOf(message) + message.length
  return stack
    .slice(end)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, PLACES_MAX)
    .join('\n')
}

const PLACES_MAX = 8

function isQuoting(error: Error): boolean {
  return error instanceof SyntaxError || 'query' in error || 'params' in error
}

export function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}
