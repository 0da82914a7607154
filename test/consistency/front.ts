/**
 * What stands between the edges and the cells: one address for any number of cell processes, and the place where
 * the feed's answers are delayed, lost, repeated or cut.
 */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { HEADERS } from '../../shared/headers.ts'

/** An answer of the feed on its way to an edge. */
export interface FeedAnswer {
  readonly status: number
  /** The question that it answers. */
  readonly question: string
  readonly body: string
}

/**
 * What happens to a question of the feed.
 *
 * @param ask puts it to a cell.
 * @returns the answer that the edge gets; `null` cuts the connection.
 */
export type FeedWay = (
  ask: () => Promise<FeedAnswer>,
  question: { path: string },
) => Promise<FeedAnswer | null>

const direct: FeedWay = (ask) => ask()

export class Front {
  readonly url: string
  /** The cells behind it, as they are at the moment; each request goes to the next one. */
  targets: () => readonly string[] = () => []
  feedWay: FeedWay = direct
  /** How long the answers of cached reads are on their way, at most. */
  readDelayMsMax = 0
  #turn = 0
  readonly #agent = new Agent({ keepAlive: true })
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  static async open(): Promise<Front> {
    const server = createServer({ keepAliveTimeout: 60_000 })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const front: Front = new Front(`http://127.0.0.1:${port}`, async () => {
      server.close()
      server.closeAllConnections()
      front.#agent.destroy()
      await once(server, 'close')
    })
    server.on('request', (incoming, outgoing) => {
      // A cell that cannot be reached shows to an edge as a connection that breaks.
      front.#pass(incoming, outgoing).catch(() => outgoing.destroy())
    })
    return front
  }

  /** The feed goes its way unhindered again. */
  heal(): void {
    this.feedWay = direct
  }

  async close(): Promise<void> {
    await this.#close()
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/'
    if (!path.startsWith('/internal/feed')) {
      const answer = await this.#ask(incoming, outgoing)
      if (incoming.method === 'GET') await delay(this.readDelayMsMax * Math.random())
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
      return
    }
    const ask = async () => {
      const answer = await this.#ask(incoming, outgoing)
      const question = String(answer.headers[HEADERS.question])
      return { status: answer.statusCode!, question, body: await textOf(answer) }
    }
    const answer = await this.feedWay(ask, { path })
    if (answer === null) {
      outgoing.destroy()
      return
    }
    outgoing.writeHead(answer.status, {
      'content-type': 'application/json',
      [HEADERS.question]: answer.question,
    })
    outgoing.end(answer.body)
  }

  #ask(incoming: IncomingMessage, outgoing: ServerResponse): Promise<IncomingMessage> {
    const targets = this.targets()
    const target = targets[this.#turn % targets.length]
    this.#turn += 1
    return new Promise((resolve, reject) => {
      if (target === undefined) throw new Error('no cell runs')
      const { method, url: path, headers } = incoming
      const { hostname, port } = new URL(target)
      const options = { method, path, headers, hostname, port, agent: this.#agent }
      const asked = request(options, resolve)
      asked.on('error', reject)
      // Nobody waits for the answer any more.
      outgoing.on('close', () => asked.destroy())
      incoming.pipe(asked)
    })
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
