/** The page on dependencies against what is installed. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

it('names every direct dependency with its pinned version and licence, and no other', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
    dependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  const installed = Object.entries({ ...dependencies, ...devDependencies }).map(
    ([name, version]) => {
      const { license } = JSON.parse(read(`node_modules/${name}/package.json`)) as {
        license: string
      }
      return `${name} ${version} ${license}`
    },
  )
  const rows = read('docs/dependencies.md').matchAll(/^\| (\S+) \| (\d\S*) \| ([^|]+) \|/gm)
  const named = [...rows].map(([, name, version, licence]) => `${name} ${version} ${licence}`)
  expect(named.sort()).toEqual(installed.sort())
})
