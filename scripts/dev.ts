/** `npm run dev`: the whole system on this machine, with reload, until Ctrl-C. */
import { rmSync } from 'node:fs'
import { optionsOf } from './support/arguments.ts'
import { printSteps } from './support/dev-steps.ts'
import { DevStart } from './support/dev-system.ts'
import { leaveFolder, STATE_FOLDER, takeFolder, writeDevState } from './support/state.ts'

const HELP = `Usage: npm run dev [-- --fresh] [--port N]

Starts Postgres, a cell and the edge, with a demo catalogue and an owner, and reloads on change. State, keys and the
owner's password are kept in .tradewind/ and used again by the next start.

  --fresh   deletes that state first
  --port    the edge's port, 8787 unless told otherwise; a taken one is named and the next one used

DATABASE_URL names a Postgres to use instead of the built-in one.`

const values = optionsOf(HELP, {
  fresh: { type: 'boolean', default: false },
  port: { type: 'string' },
})

await main()

async function main(): Promise<void> {
  const startedAt = performance.now()
  const holder = takeFolder()
  if (holder !== null) {
    console.error(`A development system runs in this folder already (process ${holder}).`)
    process.exitCode = 1
    return
  }
  if (values.fresh) {
    rmSync(STATE_FOLDER, { recursive: true, force: true })
    takeFolder()
  }
  let leaving: Promise<void> | undefined
  const leave = (code: number, reason?: string) => {
    if (reason !== undefined) console.error(`${'dev'.padEnd(8)} ${reason}`)
    leaving ??= start.stop().then(() => {
      leaveFolder()
      process.exit(code)
    })
    return leaving
  }
  const start = new DevStart({
    port: portOf(values.port),
    onLoss: (part) => void leave(1, `${part} has ended; stopping the rest`),
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void leave(0, leaving === undefined ? 'stopping' : undefined))
  }
  try {
    const system = await start.run()
    const { edgeUrl, cellUrl, databaseUrl, hasOwner } = system
    writeDevState({ edgeUrl, cellUrl, databaseUrl, pid: process.pid })
    const seconds = (performance.now() - startedAt) / 1_000
    await printSteps({ edgeUrl, cellUrl, seconds, hasOwner })
  } catch (error) {
    await leave(1, leaving === undefined ? String((error as Error).message) : undefined)
  }
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_000) return port
  console.error(`--port must be a number from 1 to 65000, and is '${text}'`)
  process.exit(1)
}
