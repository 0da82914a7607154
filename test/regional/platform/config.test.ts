/** The cell's configuration is whole, or refused with a line that says what to set. */
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../regional/config.ts'
import { testEnvironment } from '../../support/services.ts'

const whole = testEnvironment('postgres://user:hidden@127.0.0.1:5432/shop')

test('a whole environment is read once and frozen, with its defaults', () => {
  const config = readConfig(whole)
  expect(config.PORT).toBe(8788)
  expect(config.EDGE_SECRETS).toHaveLength(1)
  expect(Object.isFrozen(config)).toBe(true)
})

test('two edge secrets are read during a rotation, and a third is refused', () => {
  const other = whole.EDGE_SECRETS.replace('edge-1', 'edge-2')
  const two = { ...whole, EDGE_SECRETS: `${whole.EDGE_SECRETS},${other}` }
  expect(readConfig(two).EDGE_SECRETS).toHaveLength(2)
  const same = { ...whole, EDGE_SECRETS: `${whole.EDGE_SECRETS},${whole.EDGE_SECRETS}` }
  expect(() => readConfig(same)).toThrow(/EDGE_SECRETS: must have two different key ids/)
  const three = { ...two, EDGE_SECRETS: `${two.EDGE_SECRETS},${other}` }
  expect(() => readConfig(three)).toThrow(/EDGE_SECRETS/)
})

describe('what is refused', () => {
  test.each([
    ['CELL', 'EU West'],
    ['PORT', '65536'],
    ['DATABASE_URL', 'mysql://127.0.0.1/shop'],
    ['DATABASE_POOL_MAX', '0'],
    ['EDGE_SECRETS', 'edge-1:short'],
    ['TOKEN_KEY_SECRET', 'topsecret'],
    ['CART_KEY', 'short'],
    ['UPSTASH_REDIS_REST_URL', 'topsecret'],
    ['UPSTASH_REDIS_REST_URL', 'http://eu1-cat.upstash.io'],
    ['UPSTASH_REDIS_REST_TOKEN', ''],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s is named, and its value is not told', (name, value) => {
    const refused = () => readConfig({ ...whole, [name]: value })
    expect(refused).toThrow(`\n  ${name}`)
    expect(refused).not.toThrow(/topsecret|hidden/)
  })

  test('a variable that is missing is said not to be set, and a wrong one what it must be', () => {
    const { CELL: _, ...rest } = whole
    expect(() => readConfig({ ...rest, DATABASE_URL: 'elsewhere' })).toThrow(
      /\n {2}CELL: is not set\n {2}DATABASE_URL: must be a postgres:\/\/ URL$/,
    )
  })

  test('one variable of Redis without the other is said to be missing', () => {
    const url = { UPSTASH_REDIS_REST_URL: 'https://eu1-cat.upstash.io' }
    const token = { UPSTASH_REDIS_REST_TOKEN: 'topsecret' }
    expect(readConfig({ ...whole, ...url, ...token })).toMatchObject({ ...url, ...token })
    expect(() => readConfig({ ...whole, ...url })).toThrow(
      /\n {2}UPSTASH_REDIS_REST_TOKEN: is not set$/,
    )
    expect(() => readConfig({ ...whole, ...token })).toThrow(
      /\n {2}UPSTASH_REDIS_REST_URL: is not set$/,
    )
  })

  test('every variable at fault is named at once', () => {
    expect(() => readConfig({})).toThrow(
      /CELL[\s\S]*DATABASE_URL[\s\S]*EDGE_SECRETS[\s\S]*TOKEN_KEY_SECRET/,
    )
  })
})
