/** One request and its answer, whole: to see that both sides of a row say the same. */
import { connect } from 'node:net'
import { type RawResponse, ResponseReader } from './response-reader.ts'

export interface Answer {
  readonly status: number
  /** By lower-case name, in the order they were sent. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function exchange(port: number, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request))
    const reader = new ResponseReader((response) => {
      socket.destroy()
      resolve(answerOf(response))
    })
    socket.on('data', (chunk) => reader.take(chunk))
    socket.once('error', reject)
    socket.once('end', () => reject(new Error('the server closed the connection')))
  })
}

function answerOf({ status, head, body }: RawResponse): Answer {
  const headers: Record<string, string> = {}
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { status, headers, body: body() }
}

/** Differ from one answer to the next on either side. */
const VARYING = ['date', 'server-timing', 'tradewind-request-id']

/** @throws {Error} unless both sides answer with the same status, bytes and headers. */
export function assertSame(floor: Answer, ours: Answer): void {
  if (ours.status !== 200) throw new Error(`ours answers ${ours.status}: ${ours.body}`)
  const [one, other] = [floor, ours].map(({ status, headers, body }) =>
    JSON.stringify({ status, headers: fixedOf(headers), body }),
  )
  if (one !== other) throw new Error(`floor and ours differ:\n${one}\n${other}`)
}

function fixedOf(headers: Answer['headers']): [string, string][] {
  return Object.entries(headers)
    .map(([name, value]): [string, string] => [name, VARYING.includes(name) ? '' : value])
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

/** The headers that an application sends, without those that every server adds by itself. */
export function ownHeaders({ headers }: Answer): Record<string, string> {
  const servers = ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !servers.includes(name)))
}
