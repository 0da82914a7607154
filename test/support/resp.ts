/** The least of a Redis client over RESP 2: enough to put a REST front before a real server. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type Reply = string | number | null | RedisRefusal | Reply[]

/** What Redis says no with. */
export class RedisRefusal {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

interface Parsed {
  readonly reply: Reply
  /** Where the next reply begins. */
  readonly end: number
}

export class RedisConnection {
  readonly #socket: Socket
  #received: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('Redis hung up'))
    })
  }

  static async to(port: number): Promise<RedisConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const connection = new RedisConnection(socket)
    await once(socket, 'connect')
    return connection
  }

  /** Sends commands in one write; their replies come in the same order. A refusal is a reply. */
  send(commands: readonly (readonly unknown[])[]): Promise<Reply[]> {
    const replies = commands.map(
      () =>
        new Promise<Reply>((resolve, reject) => {
          this.#waiting.push({ resolve, reject })
        }),
    )
    this.#socket.write(commands.map(encoded).join(''))
    return Promise.all(replies)
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    for (;;) {
      const parsed = replyAt(this.#received, 0)
      if (parsed === null) return
      this.#received = this.#received.subarray(parsed.end)
      this.#waiting.shift()?.resolve(parsed.reply)
    }
  }
}

function encoded(command: readonly unknown[]): string {
  const parts = command.map((part) => {
    const text = String(part)
    return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
  })
  return `*${parts.length}\r\n${parts.join('')}`
}

/** `null` while it has not arrived whole. */
function replyAt(bytes: Buffer, at: number): Parsed | null {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd === -1) return null
  const kind = String.fromCharCode(bytes[at]!)
  const line = bytes.toString('utf8', at + 1, lineEnd)
  const end = lineEnd + 2
  if (kind === '+') return { reply: line, end }
  if (kind === '-') return { reply: new RedisRefusal(line), end }
  const number = Number(line)
  if (kind === ':') return { reply: number, end }
  if (number < 0) return { reply: null, end }
  if (kind === '$') {
    if (bytes.length < end + number + 2) return null
    return { reply: bytes.toString('utf8', end, end + number), end: end + number + 2 }
  }
  return repliesAt(bytes, end, number)
}

function repliesAt(bytes: Buffer, at: number, count: number): Parsed | null {
  const replies: Reply[] = []
  let end = at
  for (let index = 0; index < count; index += 1) {
    const parsed = replyAt(bytes, end)
    if (parsed === null) return null
    replies.push(parsed.reply)
    end = parsed.end
  }
  return { reply: replies, end }
}
