/** `npm run dev` as a developer lives with it: it starts, says how to use it, comes back, and leaves nothing behind. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { isAlive, ROOT } from '../../scripts/support/state.ts'
import { createClient } from '../../shared/client/create-client.ts'
import { authenticatorOf } from '../support/authenticator.ts'
import { queryRows } from '../support/database.ts'

const READY_MS_MAX = 60_000
let folder: string
let environment: NodeJS.ProcessEnv
let systems: ChildProcess[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-dev-'))
  const { NODE_ENV: _, DATABASE_URL: __, ...rest } = process.env
  const path = `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`
  environment = { ...rest, PATH: path, TRADEWIND_STATE: folder }
  systems = []
})
afterEach(async () => {
  for (const system of systems) await end(system, 'SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

interface Dev {
  process: ChildProcess
  output(): string
}

function start(...args: string[]): Dev {
  const child = spawn('node', ['scripts/dev.ts', ...args], { cwd: ROOT, env: environment })
  systems.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { process: child, output: () => output }
}

async function ready(dev: Dev): Promise<void> {
  await vi.waitFor(() => expect(dev.output()).toMatch(/npm run demo/), {
    timeout: READY_MS_MAX,
    interval: 50,
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
  return child.exitCode
}

/** Every process below one, by the kernel's word. */
function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended while we looked.
    }
  }
  const below = (parent: number): number[] =>
    [...parents]
      .filter(([, itsParent]) => itsParent === parent)
      .flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

/** A process that has ended but was not yet collected by its new parent does nothing any more. */
function runs(pid: number): boolean {
  if (!isAlive(pid)) return false
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function run(file: string, args: string[], input = ''): Promise<string> {
  const running = promisify(execFile)(file, args, { cwd: ROOT, env: environment })
  running.child.stdin!.end(input)
  return (await running).stdout
}

const owner = () => JSON.parse(readFileSync(join(folder, 'keys', 'owner.json'), 'utf8'))
const signIn = (args: string[] = [], input = '') =>
  run('node', ['scripts/sign-in.ts', ...args], input)

test('it starts, what it prints works as printed, and Ctrl-C leaves no process', async () => {
  const dev = start('--port', '18787')
  await ready(dev)
  const [, seconds] = /Ready in ([\d.]+) s/.exec(dev.output())!
  expect(Number(seconds)).toBeLessThan(30)
  const { edgeUrl, pid } = JSON.parse(readFileSync(join(folder, 'dev.json'), 'utf8'))
  expect(pid).toBe(dev.process.pid)
  expect((await fetch(`${edgeUrl}/health/edge`)).status).toBe(200)
  const [mailbox] = /http\S+\/dev\/mailbox/.exec(dev.output())!
  expect(await (await fetch(mailbox)).text()).toContain('No messages yet')
  for (const key of readdirSync(join(folder, 'keys'))) {
    expect(statSync(join(folder, 'keys', key)).mode & 0o077, key).toBe(0)
  }

  const printed = /# 1 [\s\S]*(?=\nCtrl-C)/.exec(dev.output())![0]
  const answers = await run('bash', ['-c', printed])
  expect(answers.match(/^HTTP\/1\.1 \d+/gm)).toEqual([
    'HTTP/1.1 200',
    'HTTP/1.1 200',
    'HTTP/1.1 200',
    'HTTP/1.1 201',
    'HTTP/1.1 200',
  ])
  const [, , secondList] = answers.split('HTTP/1.1')
  expect(secondList).toMatch(/^cache-status: tradewind; hit/m)
  expect(answers).toContain('"state":"confirmed"')
  expect(answers.slice(answers.lastIndexOf('HTTP/1.1'))).toContain('"amountMinor":4321')
  const demo = (await run('node', ['scripts/demo.ts', '--json'])).trim().split('\n').at(-1)!
  expect(JSON.parse(demo)).toMatchObject({ ok: true })
  expect(demo).toContain('"signed in, with that cart"')
  await signsIn(edgeUrl)

  const second = start()
  await once(second.process, 'exit')
  expect(second.process.exitCode).toBe(1)
  expect(second.output()).toContain(`runs in this folder already (process ${pid})`)

  const below = descendants(pid)
  expect(below.length).toBeGreaterThan(5)
  expect(await end(dev.process, 'SIGINT')).toBe(0)
  await vi.waitFor(() => expect(below.filter(runs)).toEqual([]), { timeout: 10_000 })
})

/** The owner without being named, anybody by a password on standard input, and by a second factor once there is one. */
async function signsIn(edgeUrl: string): Promise<void> {
  const { email, password } = owner()
  const token = (await signIn()).trim()
  expect(decodeJwt(token)).toMatchObject({ role: 'staff', iss: expect.stringContaining('eu') })
  const { identity } = createClient({ baseUrl: edgeUrl, token })
  expect(await identity.getMe()).toMatchObject({ email, kind: 'staff' })
  const named = JSON.parse(await signIn(['--email', email, '--json'], `${password}\n`))
  expect(named).toMatchObject({ status: 'signed_in', refreshToken: expect.any(String) })
  const refused = signIn(['--email', email, '--kind', 'customer'], `${password}\n`)
  await expect(refused).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: `${email} cannot sign in: The credentials are refused\n`,
  })
  const { backupCodes, uri } = await identity.beginSecondFactor({ body: { password } })
  await identity.confirmSecondFactor({ body: { code: authenticatorOf(uri)(new Date()) } })
  await expect(signIn()).rejects.toMatchObject({ stderr: expect.stringContaining('--code CODE') })
  expect(decodeJwt((await signIn(['--code', backupCodes[0]!])).trim())).toMatchObject({
    role: 'staff',
  })
}

test('a second start uses state and keys again and names a taken port; --fresh begins anew', async () => {
  // As a release left them that knew no accounts: what is there stays, and what is missing is made.
  const kept = randomBytes(32).toString('base64url')
  mkdirSync(join(folder, 'keys'), { mode: 0o700 })
  writeFileSync(join(folder, 'keys', 'cart-key'), `${kept}\n`, { mode: 0o600 })
  const first = start('--port', '18887')
  await ready(first)
  const key = () => readFileSync(join(folder, 'keys', 'cart-key'), 'utf8')
  const firstKey = key()
  expect(firstKey.trim()).toBe(kept)
  const firstOwner = owner()
  await end(first.process, 'SIGTERM')

  const squatter = createServer().listen(18_887, '127.0.0.1')
  await once(squatter, 'listening')
  const second = start('--port', '18887')
  await ready(second)
  expect(second.output()).toContain('port 18887 is taken: the edge uses 18888')
  expect(key()).toBe(firstKey)
  expect(owner()).toEqual(firstOwner)
  expect(decodeJwt((await signIn()).trim())).toMatchObject({ role: 'staff' })
  await end(second.process, 'SIGTERM')
  squatter.close()

  const third = start('--port', '18887', '--fresh')
  await ready(third)
  expect(key()).not.toBe(firstKey)
  expect(owner().password).not.toBe(firstOwner.password)
  expect(decodeJwt((await signIn()).trim())).toMatchObject({ role: 'staff' })
})

test('a parent that is killed takes everything with it, and the next start finds its way', async () => {
  const dev = start('--port', '18987')
  await ready(dev)
  const below = descendants(dev.process.pid!)
  await end(dev.process, 'SIGKILL')
  await vi.waitFor(() => expect(below.filter(runs)).toEqual([]), { timeout: 15_000 })
  const next = start('--port', '18987')
  await ready(next)
})

test('a system that cannot start says why and leaves no process', async () => {
  environment.DATABASE_URL = 'postgres://nobody:hidden@127.0.0.1:9/none'
  const dev = start('--port', '19087')
  let below: number[] = []
  const look = setInterval(() => {
    below = [...new Set([...below, ...descendants(dev.process.pid!)])]
  }, 20)
  await once(dev.process, 'exit')
  clearInterval(look)
  expect(dev.process.exitCode).toBe(1)
  expect(dev.output()).toContain('check DATABASE_URL')
  expect(dev.output()).not.toContain('hidden')
  expect(below.length).toBeGreaterThan(0)
  await vi.waitFor(() => expect(below.filter(runs)).toEqual([]), { timeout: 15_000 })
})

test('a Postgres named by DATABASE_URL is migrated and used, and none is started', async () => {
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  const name = `dev_${randomBytes(6).toString('hex')}`
  await client.query(`create database ${name}`)
  await client.end()
  const given = Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).toString()
  environment.DATABASE_URL = given
  const first = start('--port', '19187')
  await ready(first)
  const { databaseUrl } = JSON.parse(readFileSync(join(folder, 'dev.json'), 'utf8'))
  expect(databaseUrl).toBe(given)
  expect(readdirSync(folder)).not.toContain('postgres')
  const shown = await queryRows<{ n: number }>(given, 'select count(*)::int as n from product')
  expect(shown[0]!.n).toBeGreaterThanOrEqual(60)
  expect(first.output()).not.toContain('npm run owner')
  await end(first.process, 'SIGTERM')

  // Its owner is another installation's.
  rmSync(join(folder, 'keys', 'owner.json'))
  const second = start('--port', '19187')
  await ready(second)
  expect(second.output()).toContain('npm run owner')
  expect(readdirSync(join(folder, 'keys'))).not.toContain('owner.json')
  await expect(signIn()).rejects.toMatchObject({
    stderr: expect.stringContaining('knows no owner'),
  })
})

test('a source file that is written is taken up by the cell, which keeps its place', async () => {
  const dev = start('--port', '19287')
  await ready(dev)
  const { cellUrl } = JSON.parse(readFileSync(join(folder, 'dev.json'), 'utf8'))
  const starts = () => dev.output().match(/ready url=\S+ pid=\d+/g) ?? []
  await vi.waitFor(() => expect(starts()).not.toEqual([]))
  const before = starts().length
  const now = new Date()
  utimesSync(join(ROOT, 'regional/modules/catalog/queries.ts'), now, now)
  await vi.waitFor(() => expect(starts().length).toBeGreaterThan(before), {
    timeout: READY_MS_MAX,
  })
  expect(starts().at(-1)).toContain(`url=${cellUrl} `)
  expect((await fetch(`${cellUrl}/health/ready`)).status).toBe(200)
})
