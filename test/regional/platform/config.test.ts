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
    ['AUTH_SECRET', 'short'],
    ['PASSWORD_HASHERS', '0'],
    ['PASSWORD_WAIT_MS_MAX', '999'],
    ['UPSTASH_REDIS_REST_URL', 'topsecret'],
    ['UPSTASH_REDIS_REST_URL', 'http://eu1-cat.upstash.io'],
    ['UPSTASH_REDIS_REST_TOKEN', ''],
    ['SMTP_URL', 'https://user:topsecret@mail.example.com'],
    ['SMTP_URL', 'topsecret'],
    ['MAIL_FOLDER', ''],
    ['MAIL_FROM', 'topsecret'],
    ['MAIL_FROM', 'Shop <shop@example.com>, other@example.com'],
    ['MAIL_FROM', 'Shop\r\nBcc: x <shop@example.com>'],
    ['SHOP_URL', 'topsecret'],
    ['SHOP_URL', 'javascript:topsecret'],
    ['STAFF_URL', 'https://staff.example.com/#topsecret'],
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

  describe('about e-mail', () => {
    const { MAIL_FOLDER, NODE_ENV: _, ...rest } = whole
    const server = { SMTP_URL: 'smtps://user:topsecret@mail.example.com' }

    test('in production: no server, a folder, a site in clear, or no sender', () => {
      const production = { ...rest, ...server }
      expect(readConfig(production).NODE_ENV).toBe('production')
      expect(() => readConfig(rest)).toThrow(/\n {2}SMTP_URL: is not set$/)
      expect(() => readConfig({ ...production, MAIL_FOLDER })).toThrow(
        /\n {2}MAIL_FOLDER: must not be set in production$/,
      )
      const clear = { SHOP_URL: 'http://shop.example.com', STAFF_URL: 'http://10.0.0.1' }
      expect(() => readConfig({ ...production, ...clear })).toThrow(
        /\n {2}SHOP_URL: must be an https:\/\/ URL\n {2}STAFF_URL: must be an https:\/\/ URL$/,
      )
      for (const name of ['MAIL_FROM', 'SHOP_URL', 'STAFF_URL']) {
        expect(() => readConfig({ ...production, [name]: undefined })).toThrow(
          `\n  ${name}: is not set`,
        )
      }
    })

    test('elsewhere: neither a server nor a folder, or both', () => {
      const development = { ...rest, NODE_ENV: 'development' }
      expect(readConfig({ ...development, MAIL_FOLDER }).SMTP_URL).toBeUndefined()
      expect(readConfig({ ...development, ...server }).MAIL_FOLDER).toBeUndefined()
      expect(() => readConfig(development)).toThrow(/\n {2}MAIL_FOLDER: is not set$/)
      expect(() => readConfig({ ...development, ...server, MAIL_FOLDER })).toThrow(
        /\n {2}MAIL_FOLDER: must not be set with SMTP_URL$/,
      )
    })

    test('a site is read without the slash at its end', () => {
      const { SHOP_URL } = readConfig({ ...whole, SHOP_URL: 'https://shop.example.com/tea/' })
      expect(SHOP_URL).toBe('https://shop.example.com/tea')
    })
  })

  test('every variable at fault is named at once', () => {
    expect(() => readConfig({})).toThrow(
      /CELL[\s\S]*DATABASE_URL[\s\S]*EDGE_SECRETS[\s\S]*TOKEN_KEY_SECRET/,
    )
  })
})
