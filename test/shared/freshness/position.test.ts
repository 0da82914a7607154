import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPosition, parsePosition } from '../../../shared/freshness/position.ts'

describe('a position', () => {
  it('reads back as it was written, whatever its history and number', () => {
    const histories = fc.stringMatching(/^h[0-9a-f]{1,31}$/)
    const numbers = fc.nat(Number.MAX_SAFE_INTEGER).map((n) => n % 1e15)
    fc.assert(
      fc.property(numbers, histories, (n, history) => {
        const text = formatPosition('catalogue', { n, history })
        expect(parsePosition(text, 'catalogue')).toEqual({ n, history })
        expect(parsePosition(text, 'cell')).toBeNull()
      }),
    )
  })

  it('may stand beside the other feed’s, in any order', () => {
    for (const text of ['catalogue=8;h=ha,cell=3;h=hb', 'cell=3;h=hb , catalogue=8;h=ha']) {
      expect(parsePosition(text, 'catalogue')).toEqual({ n: 8, history: 'ha' })
      expect(parsePosition(text, 'cell')).toEqual({ n: 3, history: 'hb' })
    }
  })

  it('given twice counts by its last member, as a dictionary does', () => {
    expect(parsePosition('catalogue=8;h=ha,catalogue=9;h=ha', 'catalogue')).toEqual({
      n: 9,
      history: 'ha',
    })
  })

  it('may quote its history', () => {
    expect(parsePosition('catalogue=812;h="7f3a"', 'catalogue')).toEqual({
      n: 812,
      history: '7f3a',
    })
  })

  it.each([
    null,
    undefined,
    '',
    'catalogue',
    'catalogue=812',
    'h=ha',
    ';h=ha',
    'catalogue=;h=ha',
    'catalogue=-1;h=ha',
    'catalogue=1.5;h=ha',
    'catalogue=1e9;h=ha',
    'catalogue=0x10;h=ha',
    'catalogue=1;h=',
    'catalogue=1;h=""',
    'catalogue=1;h="a',
    'catalogue=1;h=ha;extra=1',
    'catalogue=1 ;h=ha',
    'prices=1;h=ha',
    'catalogue=1;h=ha,',
    'catalogue=1;h=ha,other=2;h=hb',
    'catalogue=1;h=ha\ncell=2;h=hb',
    'catalogue=9999999999999999;h=ha',
    'catalogue=９;h=ha',
    `catalogue=1;h=h${'a'.repeat(40)}`,
    `${'cell=1;h=ha,'.repeat(40)}catalogue=1;h=ha`,
  ])('that is malformed reads as none: %j', (text) => {
    expect(parsePosition(text, 'catalogue')).toBeNull()
  })

  it('never throws and never reads a number that cannot be compared', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
        const read = parsePosition(text, 'catalogue')
        expect(read === null || Number.isSafeInteger(read.n)).toBe(true)
      }),
    )
  })
})
