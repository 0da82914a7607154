/** A real Redis server on this machine, for tests: it keeps nothing on disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from '../../scripts/support/ports.ts'

export interface RedisServer {
  readonly port: number
  stop(): Promise<void>
}

/** `REDIS_SERVER` may name another one than the system's. */
export async function startRedisServer(): Promise<RedisServer> {
  const port = await freePort()
  const settings = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  const child = spawn(process.env.REDIS_SERVER ?? 'redis-server', settings, {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  // It would outlive whoever started it and was interrupted.
  const killIt = () => child.kill('SIGKILL')
  process.once('exit', killIt)
  child.once('exit', () => process.off('exit', killIt))
  await new Promise<void>((resolve, reject) => {
    const missing = new Error(
      'redis-server cannot be started: install it, or name it by REDIS_SERVER',
    )
    child.once('error', () => reject(missing))
    child.once('exit', () => reject(new Error('redis-server ended')))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve()
    })
  })
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
