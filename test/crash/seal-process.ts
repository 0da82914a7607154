/** A process that seals the audit log once, and halts at the point that `HALT_AT` names until it is killed. */
import { once } from 'node:events'
import { readConfig } from '../../regional/config.ts'
import { openServices } from '../../regional/open-services.ts'
import { sealAudit } from '../../regional/platform/audit-seal.ts'
import { HaltingDatabase } from './halting-database.ts'

async function reach(point: string): Promise<void> {
  if (point !== process.env.HALT_AT) return
  process.send!({ reached: point })
  await once(process, 'message')
}

const services = openServices(readConfig(process.env), {
  open: (options, log) => new HaltingDatabase(reach, options, log),
})
process.on('disconnect', () => process.exit())
await sealAudit(services)
