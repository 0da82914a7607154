/** Mapping an Open Icecat record to an import row, and reading its lines. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rowOfIcecat, slugOf } from '../../scripts/support/icecat.ts'
import { categoryOf, ICECAT_CATEGORIES } from '../../scripts/support/icecat-categories.ts'
import { LINE_BYTES_MAX, ndjsonLines, type ReadLine } from '../../scripts/support/ndjson-lines.ts'
import { ImportRow } from '../../shared/contracts/catalog.ts'

const record = {
  id: '1400',
  name: '80',
  title: 'HP 80 Original Magenta',
  ean: ['0882780756342', '0088698629130'],
  short_description: '80 175-ml Magenta Ink Cartridge',
  img_high: 'http://images.example.com/1400.jpg',
  img_500x500: 'http://images.example.com/1400 m.jpg',
  date_released: '2006-07-01T00:00:00Z',
  supplier: 'HP',
  price: 7_695,
  attr_t_type: 'Original',
  attr_t_storage_temperature__t_t_: '-40 - 60',
  attr_n_package_width: 114.0,
  attr_b_recyclable: true,
}

const mapped = (more: object = {}) => {
  const result = rowOfIcecat({ ...record, ...more })
  if ('reason' in result) throw new Error(result.reason)
  return result.row
}

test('a record becomes a row that the contract takes', () => {
  const row = mapped()
  expect(ImportRow.parse(row)).toEqual(row)
  expect(row).toEqual({
    externalId: 'icecat:1400',
    handle: 'hp-80-original-magenta-1400',
    brand: 'HP',
    translations: {
      en: { name: 'HP 80 Original Magenta', description: '80 175-ml Magenta Ink Cartridge' },
    },
    categories: ['ink-and-toner'],
    options: [],
    attributes: {
      ean: '0882780756342, 0088698629130',
      released: '2006-07-01T00:00:00Z',
      type: 'Original',
      storage_temperature_t_t: '-40 - 60',
      package_width: 114,
      recyclable: true,
    },
    media: [
      { url: 'http://images.example.com/1400%20m.jpg', alt: 'HP 80 Original Magenta' },
      { url: 'http://images.example.com/1400.jpg', alt: 'HP 80 Original Magenta' },
    ],
    variants: [
      {
        sku: 'ICECAT-1400',
        options: {},
        prices: { USD: 7_695, EUR: 7_079, GBP: 6_079 },
        available: 100,
      },
    ],
  })
})

test('the same title twice gives two handles', () => {
  expect(mapped({ id: '1' }).handle).not.toBe(mapped({ id: '2' }).handle)
})

test.each([
  ['no record', null],
  ['a list', []],
  ['no id', { ...record, id: undefined }],
  ['an id that is no number', { ...record, id: 'x; drop' }],
  ['an empty title', { ...record, title: ' ' }],
  ['a title of control characters', { ...record, title: '\u0001' }],
  ['no price', { ...record, price: 0 }],
  ['a fraction of a cent', { ...record, price: 1.5 }],
  ['a price as text', { ...record, price: '7695' }],
])('%s is refused with a reason', (_, bad) => {
  const result = rowOfIcecat(bad)
  expect('reason' in result && result.reason).toMatch(/\w+: /)
})

test('whatever text a record holds, its row is one that the contract takes', () => {
  const text = fc.string({ unit: 'binary', maxLength: 400 })
  const wild = fc.record({
    title: text.map((title) => `x${title}`),
    short_description: text,
    supplier: text,
    img_high: text,
    img_500x500: fc.webUrl({ withFragments: true, withQueryParameters: true }),
    attributes: fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null))),
  })
  fc.assert(
    fc.property(wild, ({ attributes, ...fields }) => {
      const renamed = Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [`attr_t_${name}`, value]),
      )
      const row = mapped({ ...fields, ...renamed })
      expect(ImportRow.safeParse(row).error).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})

test('what is longer than a field holds is cut', () => {
  const row = mapped({
    title: '😀'.repeat(400),
    supplier: 'S'.repeat(500),
    attr_t_essay: 'e'.repeat(9_000),
    ...Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`attr_n_n${index}`, index])),
  })
  expect(ImportRow.safeParse(row).error).toBeUndefined()
  expect(Object.keys(row.attributes)).toHaveLength(200)
})

test.each([
  ['Übergröße 3,5″', 'ubergrosse-3-5'],
  ['  --A  b--', 'a-b'],
  ['磁器', ''],
])('the slug of %s is %s', (text, slug) => expect(slugOf(text)).toBe(slug))

describe('categories', () => {
  test('the product type decides, then the type, and else it is other', () => {
    expect(categoryOf({ attr_t_product_type: 'Notebook', attr_t_type: 'HDD' })).toBe('notebooks')
    expect(categoryOf({ attr_t_product_type: '1', attr_t_type: ' hdd ' })).toBe('hard-drives')
    expect(categoryOf({ attr_t_type: 'constructor' })).toBe('other')
    expect(categoryOf({ attr_t_type: 7 })).toBe('other')
  })

  test('no type belongs to two categories', () => {
    const types = Object.values(ICECAT_CATEGORIES).flatMap((category) => category.types)
    expect(new Set(types).size).toBe(types.length)
  })
})

describe('lines', () => {
  async function linesOf(...chunks: (string | Uint8Array)[]) {
    const source = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk)
    })()
    const lines: ReadLine[] = []
    for await (const line of ndjsonLines(source)) lines.push(line)
    return lines
  }

  test('are told apart wherever chunks end, empty ones are passed over but counted', async () => {
    const text = Buffer.from('{"a":"ä"}\r\n\n{"b":1}')
    const expected = [
      { line: 1, value: { a: 'ä' } },
      { line: 3, value: { b: 1 } },
    ]
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(await linesOf(text.subarray(0, cut), text.subarray(cut))).toEqual(expected)
    }
    expect(await linesOf(...[...text].map((byte) => Uint8Array.of(byte)))).toEqual(expected)
  })

  test('that are malformed, not UTF-8 or too long are named, and the next is read', async () => {
    const long = `"${'x'.repeat(LINE_BYTES_MAX)}"\n`
    const lines = await linesOf('{"a"\n', Uint8Array.of(0xff, 0x0a), long, long, '1\n')
    expect(lines.map((line) => ('fault' in line ? line.fault : line.value))).toEqual([
      'is not JSON',
      'is not UTF-8',
      `is longer than ${LINE_BYTES_MAX} bytes`,
      `is longer than ${LINE_BYTES_MAX} bytes`,
      1,
    ])
    for (const line of lines) if ('raw' in line) expect(line.raw.length).toBeLessThanOrEqual(2_000)
  })
})
