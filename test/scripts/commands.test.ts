/** The commands of package.json: what they say of themselves, and what the documents say of them. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ROOT } from '../../scripts/support/state.ts'

/** Each test starts a process, beside all the other tests. */
vi.setConfig({ testTimeout: 30_000 })

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
/** Those that are a file of `scripts/`. */
const commands = Object.entries(scripts).filter(([, line]) => line.startsWith('node scripts/'))
const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
const pages = documents.filter((path) => path.endsWith('.md'))

function run(line: string, ...args: string[]) {
  const [, file = ''] = line.split(' ')
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe.each(commands)('npm run %s', (name, line) => {
  it('tells how it is used when asked for help, and does nothing', () => {
    const { status, stdout, stderr } = run(line, '--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^Usage: .*npm run ${name}\\b`))
  })

  it('names an option that it does not know, and does nothing', () => {
    const { status, stdout, stderr } = run(line, '--no-such-option')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain("'--no-such-option'")
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

it.each(pages)('%s names only commands that exist', (page) => {
  const named = readFileSync(join(ROOT, page), 'utf8').matchAll(/npm run (?:--?\w+ )*([\w:-]+)/g)
  expect([...named].map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([])
})

it('the README names every command', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const unnamed = commands.filter(([name]) => !readme.includes(`npm run ${name}`))
  expect(unnamed).toEqual([])
})

it('a migration that cannot reach its database says so in one line, without the password', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/migrate.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: 'postgres://nobody:hidden@127.0.0.1:9/none' },
  })
  expect(status).toBe(1)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain('check DATABASE_URL')
  expect(stderr).not.toContain('hidden')
})
