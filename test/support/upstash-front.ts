/**
 * Upstash's REST API in front of a real Redis server: `POST /`, `/pipeline`, `/multi-exec`, bearer tokens of which one
 * may only read, base64 where it is asked for. It fails as networks and providers do.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type RedisServer, startRedisServer } from './redis-server.ts'
import { RedisConnection, RedisRefusal, type Reply } from './resp.ts'

/**
 * `silent`: requests arrive and are never answered, nor is what they hold done. `refusing`: connections are cut.
 * `failing`: 500. `slow`: what is asked is done at once and answered late. `late`: it is done late, when whoever asked
 * may have gone.
 */
export type FrontFault = 'silent' | 'refusing' | 'failing' | 'slow' | 'late'

export interface UpstashFront {
  readonly url: string
  readonly token: string
  /** Its holder may run read commands alone. */
  readonly readOnlyToken: string
  /** Commands taken since the start, by name in upper case. */
  readonly commands: Readonly<Record<string, number>>
  /** HTTP requests taken, of one token's holder or of all. */
  requestsOf(token?: string): number
  /** Runs a command on the server itself, past the front, for arranging and looking. */
  redis(...command: unknown[]): Promise<Reply>
  /** @param only the requests to one path, or of one token's holder; all when left out. */
  fail(fault: FrontFault, only?: { path?: string; token?: string }): void
  /** Requests held by `silent` end, and new ones are served again. */
  restore(): void
  close(): Promise<void>
}

/** How late `slow` and `late` are: more than anybody waits. */
const SLOW_MS = 2_000
const READER = 'reader'

type Command = readonly unknown[]

export async function startUpstashFront(): Promise<UpstashFront> {
  const server = await startRedisServer()
  const [writer, reader] = await connectionsTo(server)
  const token = randomBytes(16).toString('base64url')
  const readOnlyToken = randomBytes(16).toString('base64url')
  const connections = new Map([
    [token, writer],
    [readOnlyToken, reader],
  ])
  const commands: Record<string, number> = {}
  const requests = new Map<string, number>()
  let failing: { fault: FrontFault; path?: string; token?: string } | null = null

  const http = createServer(async (request, response) => {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    requests.set(bearer, (requests.get(bearer) ?? 0) + 1)
    const fault = isAmong(failing, request.url, bearer) ? failing?.fault : null
    if (fault === 'refusing') return request.destroy()
    if (fault === 'silent') return
    if (fault === 'failing') return answer(response, 500, { error: 'ERR internal' })
    const connection = connections.get(bearer)
    if (connection === undefined) return answer(response, 401, { error: 'Unauthorized' })
    try {
      const list = await commandsOf(request)
      if (fault === 'late') await delay(SLOW_MS)
      for (const [name] of list) {
        const upper = String(name).toUpperCase()
        commands[upper] = (commands[upper] ?? 0) + 1
      }
      const isBase64 = request.headers['upstash-encoding'] === 'base64'
      const { status, body } = await executed(connection, request.url ?? '/', list, isBase64)
      if (fault === 'slow') setTimeout(() => answer(response, status, body), SLOW_MS)
      else answer(response, status, body)
    } catch (error) {
      answer(response, 400, { error: `ERR ${error instanceof Error ? error.message : error}` })
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    readOnlyToken,
    commands,
    requestsOf: (only) => {
      if (only !== undefined) return requests.get(only) ?? 0
      return [...requests.values()].reduce((sum, each) => sum + each, 0)
    },
    redis: async (...command) => (await writer.send([command]))[0]!,
    fail: (fault, only = {}) => {
      failing = { fault, ...only }
    },
    restore: () => {
      failing = null
      http.closeAllConnections()
    },
    close: async () => {
      http.closeAllConnections()
      http.close()
      for (const connection of connections.values()) connection.close()
      await server.stop()
    },
  }
}

function isAmong(
  failing: { path?: string; token?: string } | null,
  url: string | undefined,
  bearer: string,
): boolean {
  const { path = url, token = bearer } = failing ?? {}
  return path === url && token === bearer
}

/** Two: one of the default user, who may do anything, and one of a user who may read. */
async function connectionsTo({ port }: RedisServer): Promise<[RedisConnection, RedisConnection]> {
  const writer = await RedisConnection.to(port)
  const rules = ['on', `>${READER}`, '~*', '-@all', '+@read', '+@connection']
  const reader = await RedisConnection.to(port)
  const replies = [
    ...(await writer.send([['ACL', 'SETUSER', READER, ...rules]])),
    ...(await reader.send([['AUTH', READER, READER]])),
  ]
  const refusal = replies.find((reply) => reply instanceof RedisRefusal)
  if (refusal !== undefined) throw new Error(refusal.message)
  return [writer, reader]
}

async function commandsOf(request: IncomingMessage): Promise<Command[]> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Command | Command[]
  return request.url === '/' ? [body as Command] : (body as Command[])
}

async function executed(
  connection: RedisConnection,
  path: string,
  commands: Command[],
  isBase64: boolean,
): Promise<{ status: number; body: unknown }> {
  const bodyOf = (reply: Reply) =>
    reply instanceof RedisRefusal
      ? { error: reply.message }
      : { result: isBase64 ? inBase64(reply) : reply }
  if (path === '/multi-exec') {
    const replies = await connection.send([['MULTI'], ...commands, ['EXEC']])
    const last = replies.at(-1)!
    if (last instanceof RedisRefusal) return { status: 400, body: { error: last.message } }
    return { status: 200, body: (last as Reply[]).map(bodyOf) }
  }
  const replies = await connection.send(commands)
  if (path === '/pipeline') return { status: 200, body: replies.map(bodyOf) }
  if (path !== '/') return { status: 404, body: { error: 'ERR no such path' } }
  return { status: replies[0] instanceof RedisRefusal ? 400 : 200, body: bodyOf(replies[0]!) }
}

/** Upstash leaves a bare `OK` as it is. */
function inBase64(reply: Reply): Reply {
  if (Array.isArray(reply)) return reply.map(inBase64)
  if (typeof reply !== 'string' || reply === 'OK') return reply
  return Buffer.from(reply).toString('base64')
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
