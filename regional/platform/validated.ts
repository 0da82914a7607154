/** Checks a request against its contract's schemas, and names every field that is at fault. */
import type { z } from 'zod'
import { type FieldError, Problem } from '../../shared/problems.ts'
import type { Incoming, Route } from './implement.ts'
import { parseJsonBody } from './request-body.ts'

export interface Parts {
  params: unknown
  query: unknown
  body: unknown
}

/** More than anybody corrects at once; the answer to bad input stays small, whatever the input was. */
const ERRORS_MAX = 50

/** @throws {Problem} `request.invalid`, naming the fields at fault, up to `ERRORS_MAX`. */
export function validated(route: Route, incoming: Incoming): Parts {
  const { params, query, body } = route.endpoint.request
  const errors: FieldError[] = []
  const parts = {
    params: params && read('params', params, incoming.params(), errors),
    query: query && read('query', query, queryOf(incoming.query(), errors), errors),
    body: body && read('body', body, jsonBodyOf(incoming), errors),
  }
  if (errors.length > 0) throw new Problem('request.invalid', { errors })
  return parts
}

function read(place: FieldError['in'], schema: z.ZodType, input: unknown, errors: FieldError[]) {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    if (errors.length >= ERRORS_MAX) break
    errors.push(...fieldErrors(place, issue).slice(0, ERRORS_MAX - errors.length))
  }
  return undefined
}

/** A field that the schema does not know is named itself, not its parent; zod's message would name all of them. */
function fieldErrors(place: FieldError['in'], issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ in: place, pointer: pointerOf(issue.path), detail: issue.message }]
  }
  const detail = 'is not a field that is known here'
  return issue.keys
    .slice(0, ERRORS_MAX)
    .map((key) => ({ in: place, pointer: pointerOf([...issue.path, key]), detail }))
}

/** RFC 6901 §3. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`)
    .join('')
}

function queryOf(query: URLSearchParams, errors: FieldError[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, text] of query) {
    if (Object.hasOwn(values, name) && errors.length < ERRORS_MAX) {
      errors.push({ in: 'query', pointer: pointerOf([name]), detail: 'may be given once' })
    }
    values[name] = text
  }
  return values
}

function jsonBodyOf(incoming: Incoming): unknown {
  const type = incoming.header('content-type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) throw new Problem('request.unsupported_type')
  return parseJsonBody(incoming.body)
}
