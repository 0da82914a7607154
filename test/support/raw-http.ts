/** Requests byte by byte, for what no HTTP client would send. */
import { connect } from 'node:net'

const ANSWER_MS_MAX = 10_000

export interface RawRequest {
  method: string
  /** Sent as it is, neither resolved nor encoded. */
  target: string
  /** Lines, each a character a byte. */
  headers?: readonly string[]
  body?: string | Buffer
  /** Ends our side after the last byte, as a caller does who breaks off. */
  breaksOff?: boolean
}

/** Sends one request on a connection of its own and reads the answer. @throws when none comes in time. */
export async function sendRaw(origin: string, request: RawRequest): Promise<Response> {
  const { method, target, headers = [], body = '', breaksOff = false } = request
  const { hostname, port } = new URL(origin)
  const head = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    ...headers,
  ]
  const bytes = Buffer.concat([
    Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'),
    Buffer.from(body),
  ])
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('no answer in time')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => socket.end())
    // Whoever sends more than is read may see the connection reset after the answer.
    socket.on('error', (error) => chunks.length === 0 && reject(error))
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    if (breaksOff) socket.end(bytes)
    else socket.write(bytes)
  })
  return responseOf(answer)
}

function responseOf(answer: Buffer): Response {
  const end = answer.indexOf('\r\n\r\n')
  const [status = '', ...fields] = answer.subarray(0, end).toString('latin1').split('\r\n')
  const headers = new Headers()
  for (const field of fields) {
    const colon = field.indexOf(':')
    headers.append(field.slice(0, colon), field.slice(colon + 1).trim())
  }
  const body = answer.subarray(end + 4)
  const isChunked = headers.get('transfer-encoding') === 'chunked'
  return new Response(isChunked ? unchunked(body) : body.toString(), {
    status: Number(status.split(' ')[1]),
    headers,
  })
}

function unchunked(body: Buffer): string {
  const chunks: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf('\r\n', at)
    const length = Number.parseInt(body.subarray(at, lineEnd).toString('latin1'), 16)
    if (!(length > 0)) break
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
  return Buffer.concat(chunks).toString()
}
