/**
 * A cell in a process of its own. It is configured like any cell, and `HALT_AT` names the point at which it halts: it
 * tells its parent, and goes on when it is told to, unless it is killed first.
 */
import { once } from 'node:events'
import { serve } from '@hono/node-server'
import { createApp } from '../../regional/app.ts'
import { readConfig } from '../../regional/config.ts'
import { modules } from '../../regional/modules/index.ts'
import { openServices } from '../../regional/open-services.ts'
import { HaltingDatabase } from './halting-database.ts'

async function reach(point: string): Promise<void> {
  if (point !== process.env.HALT_AT) return
  process.send!({ reached: point })
  await once(process, 'message')
}

const config = readConfig(process.env)
const services = openServices(config, {
  open: (options, log) => new HaltingDatabase(reach, options, log),
})
const app = createApp(services, modules)
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  process.send!({ listening: port })
})
process.on('disconnect', () => process.exit())
