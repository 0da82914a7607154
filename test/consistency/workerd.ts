/** A real workerd that serves the edge as a deployment would upload it, with a colo of the run's behind its Cache API. */
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { freePort } from '../../scripts/support/ports.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { compatibilityDate } from '../support/edge.ts'
import { type RunningProcess, startProcess } from './processes.ts'

export interface Workerd extends RunningProcess {
  readonly url: string
}

export async function startWorkerd(options: {
  /** Holds its configuration, under `name`. */
  folder: string
  name: string
  /** The bundled Worker. */
  script: string
  bindings: Readonly<Record<string, string>>
  /** `host:port` of the colo. */
  colo: string
}): Promise<Workerd> {
  const { folder, name, script } = options
  const port = await freePort()
  writeFileSync(join(folder, `${name}.js`), script)
  writeFileSync(join(folder, `${name}.capnp`), await configurationOf(options, port))
  const program = createRequire(import.meta.url).resolve('workerd/bin/workerd')
  const running = await startProcess({
    command: [program, 'serve', join(folder, `${name}.capnp`), '--control-fd=1'],
    ready: /"event":"listen"/,
    folder: ROOT,
    environment: process.env,
  })
  return { ...running, url: `http://127.0.0.1:${port}` }
}

async function configurationOf(
  { name, bindings, colo }: { name: string; bindings: Record<string, string>; colo: string },
  port: number,
): Promise<string> {
  const texts = Object.entries(bindings).map(
    ([binding, text]) => `(name = ${JSON.stringify(binding)}, text = ${JSON.stringify(text)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "colo", external = (address = "${colo}", http = ())),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", service = "worker", http = ())],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "${name}.js")],
  compatibilityDate = "${await compatibilityDate()}",
  bindings = [${texts.join(', ')}],
  cacheApiOutbound = "colo",
);
`
}
