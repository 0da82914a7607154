/** Claims that an issuer of ours never writes, under a good signature (RFC 7519 §4.1, RFC 9068 §2.2). */
import type { Forge } from './token-forge.ts'

const HOUR_SECONDS = 3_600
const LIFE_SECONDS_MAX = 600
/** More than the clocks of an issuer and a verifier may differ. */
const BEYOND_SKEW_SECONDS = 60

export function bentClaims(forge: Forge): Record<string, string> {
  const { header, claims, signed } = forge
  const bent: Record<string, string> = {}
  for (const [name, values] of Object.entries(badValues(claims))) {
    for (const value of values) {
      const text = (JSON.stringify(value) ?? 'missing').slice(0, 60)
      bent[`${name} ${text}`] = signed(header, { ...claims, [name]: value })
    }
  }
  for (const group of ['', 1, true, [], ['b2b'], {}, 'B2B', 'a b', '__proto__', 'g'.repeat(33)]) {
    const ofCustomer = { ...claims, role: 'customer', group }
    bent[`group ${JSON.stringify(group)}`] = signed(header, ofCustomer)
  }
  for (const [name, times] of Object.entries(badTimes(claims.iat as number))) {
    bent[name] = signed(header, { ...claims, ...times })
  }
  for (const name of ['exp', 'iat', 'nbf']) {
    for (const number of [
      '1e999',
      '-1e999',
      '1e3',
      '1E10',
      '01',
      '+1',
      '0x7fffffff',
      'NaN',
      '-0',
      '1_000',
    ]) {
      const text = JSON.stringify({ ...claims, [name]: '@' }).replace('"@"', number)
      bent[`${name} written as ${number}`] = signed(header, text)
    }
    const exact = Number(claims.exp)
    for (const number of [`${exact}.0`, `${exact / 10}e1`, `${exact}${'0'.repeat(400)}`]) {
      const text = JSON.stringify({ ...claims, [name]: '@' }).replace('"@"', number)
      bent[`${name} written as ${number.slice(0, 20)}`] = signed(header, text)
    }
  }
  bent['ten thousand levels'] = signed(header, nested({ ...claims, sub: '@' }, 10_000))
  bent['a thousand levels'] = signed(header, nested({ ...claims, sub: '@' }, 1_000))
  bent['more than 4,096 bytes'] = signed(header, { ...claims, jti: 'j'.repeat(4_096) })
  bent['much more than 4,096 bytes'] = signed(header, { ...claims, jti: 'j'.repeat(9_000) })
  bent['a thousand claims'] = signed(header, { ...claims, ...manyClaims(1_000) })
  return bent
}

function badValues({ iss, sub }: Forge['claims']): Record<string, unknown[]> {
  const nobody = [undefined, null, '', 0, 1, true, [], {}, [sub], { sub }]
  const text = [
    '\u0000',
    'a\u0000b',
    '\ud800',
    'stf 1',
    'stf\n1',
    'x'.repeat(129),
    'x'.repeat(1_500),
  ]
  return {
    iss: [
      ...[undefined, null, '', 1, [iss], [iss, 'x'], { iss }, `${iss} `, ` ${iss}`, `${iss}\u0000`],
      ...[
        'tradewind:zz',
        'tradewind:',
        'tradewind',
        'tradewind:e',
        'tradewind:eu2',
        'eu',
        '__proto__',
      ],
      ...['TRADEWIND:EU', 'Tradewind:eu', 'tradewind:eu/', 'https://tradewind.eu', 'constructor'],
    ],
    aud: [
      ...[undefined, null, '', 1, [], {}, ['tradewind'], ['other', 'tradewind'], ['trade', 'wind']],
      ...[
        'trade',
        'tradewind2',
        'tradewind ',
        'TRADEWIND',
        'other',
        'tradewind,other',
        [['tradewind']],
      ],
    ],
    sub: [...nobody, ...text],
    sid: [...nobody, ...text],
    position: [
      ...[
        undefined,
        null,
        '',
        0,
        [],
        {},
        'cell',
        'cell=',
        'cell=-1;h=a',
        'cell=1.5;h=a',
        'cell=x;h=a',
      ],
      ...[
        'catalogue=1;h=a',
        'cell=1',
        'cell="1";h=a',
        'cell=99999999999999999999;h=a',
        ['cell=1;h=a'],
      ],
    ],
    role: [
      undefined,
      null,
      '',
      0,
      true,
      'Staff',
      'STAFF',
      'root',
      'guest',
      ['staff'],
      '__proto__',
      {},
    ],
    scope: [undefined, null, 1, true, [], ['catalogue:write'], { 'catalogue:write': true }],
  }
}

function badTimes(now: number): Record<string, Record<string, unknown>> {
  const bad: Record<string, Record<string, unknown>> = {
    'expired an hour ago': { iat: now - HOUR_SECONDS - 60, exp: now - HOUR_SECONDS },
    'expired beyond the skew': { iat: now - 300, exp: now - BEYOND_SKEW_SECONDS },
    'exp before iat': { exp: now - 1 },
    'exp at iat': { exp: now },
    'a life of a second too many': { exp: now + LIFE_SECONDS_MAX + 1 },
    'a life of ten years': { exp: now + 10 * 365 * 24 * HOUR_SECONDS },
    'a life without end': { exp: Number.MAX_SAFE_INTEGER },
    'a life beyond all integers': { exp: 1e300 },
    'issued too long ago': { iat: now - HOUR_SECONDS },
    'issued in the future': {
      iat: now + BEYOND_SKEW_SECONDS,
      exp: now + BEYOND_SKEW_SECONDS + LIFE_SECONDS_MAX,
    },
    'not yet': { nbf: now + BEYOND_SKEW_SECONDS },
    'not for long': { nbf: now + HOUR_SECONDS },
  }
  const odd = [null, '', 'soon', String(now), true, [], [now], {}, -1, -now, now + 0.5, 1e300, 0.1]
  for (const name of ['exp', 'iat', 'nbf']) {
    for (const value of odd) {
      // An early beginning is a good one.
      if (name === 'nbf' && (value === -1 || value === -now)) continue
      bad[`${name} ${JSON.stringify(value)}`] = { [name]: value }
    }
  }
  bad['no exp'] = { exp: undefined }
  bad['no iat'] = { iat: undefined }
  return bad
}

function nested(claims: Record<string, unknown>, levels: number): string {
  return JSON.stringify(claims).replace('"@"', '['.repeat(levels) + ']'.repeat(levels))
}

function manyClaims(count: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 0]))
}
