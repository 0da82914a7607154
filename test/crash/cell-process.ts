/**
 * A cell in a process of its own. It is configured like any cell, and `HALT_AT` names the point at which it halts: it
 * tells its parent, and goes on when it is told to, unless it is killed first.
 */
import { once } from 'node:events'
import { serve } from '@hono/node-server'
import { createApp } from '../../regional/app.ts'
import { readConfig } from '../../regional/config.ts'
import { modules } from '../../regional/modules/index.ts'
import { systemClock } from '../../regional/platform/clock.ts'
import { createLog } from '../../regional/platform/log.ts'
import { HaltingDatabase } from './halting-database.ts'

async function reach(point: string): Promise<void> {
  if (point !== process.env.HALT_AT) return
  process.send!({ reached: point })
  await once(process, 'message')
}

const config = readConfig(process.env)
const log = createLog({ level: config.LOG_LEVEL, cell: config.CELL })
const db = new HaltingDatabase(
  reach,
  {
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    waitingMax: config.DATABASE_WAITING_MAX,
    waitMsMax: config.DATABASE_WAIT_MS_MAX,
  },
  log,
)
const app = createApp({ db, clock: systemClock, log, config }, modules)
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  process.send!({ listening: port })
})
process.on('disconnect', () => process.exit())
