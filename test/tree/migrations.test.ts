/** The migrations make the tables that the schemas declare. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import config from '../../drizzle.config.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The SQL files after drizzle-kit was asked, on a copy, for what the schemas have and the migrations lack. */
function migrationsAfterGenerate(schema: string[]): string[] {
  folder = mkdtempSync(join(tmpdir(), 'tradewind-migrations-'))
  const out = join(folder, 'drizzle')
  cpSync(join(ROOT, 'drizzle'), out, { recursive: true })
  const file = join(folder, 'drizzle.config.json')
  writeFileSync(file, JSON.stringify({ ...config, schema, out: relative(ROOT, out) }))
  const kit = join(ROOT, 'node_modules/drizzle-kit/bin.cjs')
  const args = [kit, 'generate', '--config', relative(ROOT, file)]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return readdirSync(out)
}

const schemas = config.schema as string[]

it('the schemas have nothing that the migrations lack, nor the other way round', () => {
  expect(migrationsAfterGenerate(schemas)).toEqual(readdirSync(join(ROOT, 'drizzle')))
})

it('a schema without its migration would be noticed', () => {
  const fewer = schemas.filter((path) => path.includes('modules'))
  expect(fewer.length).toBe(schemas.length - 1)
  expect(migrationsAfterGenerate(fewer).length).toBeGreaterThan(
    readdirSync(join(ROOT, 'drizzle')).length,
  )
})
