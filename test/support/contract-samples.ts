/** Values that a contract's schema takes or refuses, found by asking the schema, so that a new contract has them too. */
import { z } from 'zod'
import type { Endpoint } from '../../shared/contracts/endpoint.ts'

const ID = '0'.repeat(32)

/** One string for each pattern that fields have; the schema says which is its own. */
const STRINGS = [
  'de',
  'en-GB',
  'EUR',
  'DE',
  'sample',
  'sample@example.com',
  'https://example.com/sample.png',
  '2026-01-01T00:00:00.000Z',
  `cart_eu_${ID}`,
  `ord_eu_${ID}`,
  `prod_${ID}`,
  `cat_${ID}`,
  `plist_${ID}`,
  `cus_eu_${ID}`,
  `adr_eu_${ID}`,
  `stf_eu_${ID}`,
  `ses_eu_${ID}`,
  `inv_eu_${ID}`,
  // A token out of a link.
  '0'.repeat(43),
]
const ANYTHING: readonly unknown[] = ['!', 42, true, null, [], { wrong: '!' }]

/** A value the schema takes, as small as it can be. @throws when none is known: add one to `STRINGS`. */
export function sampleOf(schema: z.ZodType): unknown {
  const sample = buildSample(schema)
  if (schema.safeParse(sample).success) return sample
  throw new Error(`no sample for ${schema.type}: ${JSON.stringify(sample)}`)
}

function buildSample(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodObject) return objectSample(schema)
  if (schema instanceof z.ZodArray) {
    return schema.safeParse([]).success ? [] : [sampleOf(schema.element as z.ZodType)]
  }
  if (schema instanceof z.ZodRecord) {
    if (schema.safeParse({}).success) return {}
    const key = sampleOf(schema.keyType as z.ZodType) as string
    return { [key]: sampleOf(schema.valueType as z.ZodType) }
  }
  if (schema instanceof z.ZodUnion) return sampleOf(schema.options[0] as z.ZodType)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return sampleOf(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodEnum) return schema.options[0]
  return [...STRINGS, 1, true, null].find((value) => schema.safeParse(value).success)
}

/** What is required; when that is too little, one member more, with something in it. */
function objectSample(schema: z.ZodObject): Record<string, unknown> {
  const members = Object.entries(schema.shape) as [string, z.ZodType][]
  const needed = members.filter(([, member]) => !member.safeParse(undefined).success)
  const least = Object.fromEntries(needed.map(([name, member]) => [name, sampleOf(member)]))
  const richer = members.map(([name, member]) => ({ ...least, [name]: filledSample(member) }))
  return [least, ...richer].find((sample) => schema.safeParse(sample).success) ?? least
}

function filledSample(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return filledSample(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodArray) return [sampleOf(schema.element as z.ZodType)]
  return sampleOf(schema)
}

/** A value the schema refuses; `undefined` for a schema that takes everything. */
export function refusedBy(schema: z.ZodType): unknown {
  return ANYTHING.find((value) => !schema.safeParse(value).success)
}

export function pathOf(endpoint: Endpoint, replaced: Record<string, string> = {}): string {
  const params = { ...paramsOf(endpoint), ...replaced }
  return endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name]!),
  )
}

function paramsOf({ request }: Endpoint): Record<string, string> {
  return request.params === undefined ? {} : (sampleOf(request.params) as Record<string, string>)
}

/** Every string schema inside, with the way to it. */
export function stringsIn(schema: z.ZodType, at = ''): { at: string; schema: z.ZodType }[] {
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return [{ at, schema }]
  return childrenOf(schema).flatMap(([name, child]) => stringsIn(child, `${at}/${name}`))
}

function childrenOf(schema: z.ZodType): [string, z.ZodType][] {
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape) as [string, z.ZodType][]
  if (schema instanceof z.ZodArray) return [['*', schema.element as z.ZodType]]
  if (schema instanceof z.ZodRecord) {
    return [
      ['key', schema.keyType as z.ZodType],
      ['*', schema.valueType as z.ZodType],
    ]
  }
  if (schema instanceof z.ZodUnion) {
    return schema.options.map((option, index) => [String(index), option as z.ZodType])
  }
  const { def } = schema._zod as unknown as { def: { innerType?: z.ZodType } }
  return def.innerType === undefined ? [] : [['', def.innerType]]
}
