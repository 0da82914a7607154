/** What the bench's figures stand on: its arithmetic, its load, its recordings and its arguments. */
import { spawnSync } from 'node:child_process'
import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { EdgeSignatures } from '../../regional/platform/edge-signature.ts'
import { isWithin, limitLineOf, lineOf, readArguments } from '../../scripts/bench.ts'
import { ROOT } from '../../scripts/support/state.ts'
import { assertSame, exchange } from '../bench/exchange.ts'
import { limitOf, limits } from '../bench/limits.ts'
import { loadFor, loadOnce } from '../bench/load.ts'
import { median, percentile, rowOf, takeTurns } from '../bench/measure.ts'
import { grouped, Recorder, roundTripsOf } from '../bench/recorded.ts'
import { ResponseReader } from '../bench/response-reader.ts'
import { requestBytes, signedRequest } from '../bench/signed-requests.ts'
import { edgeSecret } from '../support/keys.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function listening(answer: RequestListener): Promise<number> {
  const server = createServer(answer)
  servers.push(server)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

const get = (path: string) => requestBytes({ method: 'GET', path, host: 'bench.test', headers: {} })
const sample = (perSecond: number, p99Ms = 1) => ({ perSecond, p99Ms })

describe('measuring', () => {
  test('a ratio is the median of the turns’ own, so one slow turn does not decide', () => {
    const turns = [
      { floor: sample(100, 1), ours: sample(60, 2) },
      { floor: sample(10, 1), ours: sample(6, 3) },
      { floor: sample(100, 1), ours: sample(1, 90) },
    ]
    const row = rowOf({ name: 'edge-hit', bar: 0.5 }, turns)
    expect(row).toMatchObject({ floor: 100, ours: 6, ratio: 0.6, p99Ratio: 3, ok: true })
  })

  test('a row below its bar is not ok, and says so on its line', () => {
    const row = rowOf({ name: 'edge-hit', bar: 0.7 }, [{ floor: sample(100), ours: sample(69) }])
    expect(row.ok).toBe(false)
    expect(lineOf(row)).toMatch(/edge-hit .* 0\.69 .* missed$/)
  })

  test('a row is held to its p99 where that has a bar, and only there', () => {
    const turns = [{ floor: sample(100, 1), ours: sample(90, 1.4) }]
    expect(rowOf({ name: 'edge-hit', bar: 0.7, p99Bar: 1.3 }, turns).ok).toBe(false)
    expect(rowOf({ name: 'edge-hit', bar: 0.7, p99Bar: 1.5 }, turns)).toMatchObject({
      p99Bar: 1.5,
      ok: true,
    })
    expect(rowOf({ name: 'edge-hit', bar: 0.7 }, turns)).toMatchObject({ p99Bar: null, ok: true })
  })

  test('a limit is held by what is at most as large, however it is rounded', () => {
    const [spec] = limits
    expect(limitOf(spec!, { value: spec!.limit })).toMatchObject({ value: spec!.limit, ok: true })
    const over = limitOf(spec!, { value: spec!.limit + 0.01 })
    expect(over).toMatchObject({ value: spec!.limit, ok: false })
    expect(limitLineOf(over)).toMatch(/edge-bundle .* missed$/)
  })

  test('the sides take turns, and the first of each is not counted', async () => {
    const order: string[] = []
    const side = (name: string) => async (turn: number) => {
      order.push(`${name}${turn}`)
      return sample(turn)
    }
    const contest = { floor: side('f'), ours: side('o'), notes: {}, close: async () => {} }
    const turns = await takeTurns(contest, { turns: 2, secondsPerTurn: 1, people: 1 })
    expect(order).toEqual(['f0', 'o0', 'f1', 'o1', 'f2', 'o2'])
    expect(turns.map((turn) => turn.ours.perSecond)).toEqual([1, 2])
  })

  test('medians and percentiles are exact', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(
      percentile(
        Float64Array.from({ length: 200 }, (_, index) => 200 - index),
        99,
      ),
    ).toBe(198)
    expect(() => median([])).toThrow()
  })
})

describe('load', () => {
  test('each request is sent once, by as many connections as were asked for', async () => {
    const seen: string[] = []
    const connections = new Set<number>()
    const port = await listening((request, response) => {
      seen.push(request.url!)
      connections.add(request.socket.remotePort!)
      response.end('ok')
    })
    const requests = Array.from({ length: 50 }, (_, index) => get(`/${index}`))
    await loadOnce({ port, connections: 4, requests })
    expect(new Set(seen).size).toBe(50)
    expect(seen).toHaveLength(50)
    expect(connections.size).toBe(4)
  })

  test('a refused request fails the turn', async () => {
    const port = await listening((_request, response) => {
      response.statusCode = 401
      response.end('no')
    })
    const load = { port, connections: 2, requests: [get('/')] }
    await expect(loadFor(load, 1)).rejects.toThrow('401')
  })

  test('a response is whole when its length is, or its last chunk, however it is cut', () => {
    const responses = [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ]
    for (const response of responses) {
      for (let cut = 1; cut < response.length; cut += 1) {
        const statuses: number[] = []
        const reader = new ResponseReader(({ status }) => statuses.push(status))
        reader.take(Buffer.from(response.slice(0, cut)))
        expect(statuses).toEqual([])
        reader.take(Buffer.from(response.slice(cut)))
        expect(statuses).toHaveLength(1)
      }
    }
  })

  test('a signed request is one that the cell trusts, once', async () => {
    const signatures = new EdgeSignatures([edgeSecret], { now: () => new Date() })
    const refusals: unknown[] = []
    const port = await listening((request, response) => {
      const url = new URL(request.url!, 'http://bench.test')
      refusals.push(
        signatures.refusalOf({
          method: request.method!,
          path: url.pathname,
          query: url.search,
          header: (name) => request.headers[name] as string | undefined,
        }),
      )
      response.end()
    })
    const path = '/v1/products/lamp?locale=de&market=de'
    const signed = signedRequest({ method: 'GET', path, host: 'bench.test', headers: {} })
    await exchange(port, signed)
    await exchange(port, signed)
    expect(refusals).toEqual([null, 'replayed'])
  })

  test('sides that differ in one byte or header are not compared', () => {
    const answer = { status: 200, headers: { etag: '"a"', date: 'then' }, body: 'x' }
    assertSame(answer, { ...answer, headers: { etag: '"a"', date: 'now' } })
    expect(() => assertSame(answer, { ...answer, body: 'y' })).toThrow('differ')
    expect(() => assertSame(answer, { ...answer, headers: { etag: '"b"' } })).toThrow('differ')
  })
})

describe('recording', () => {
  const sent = (...texts: string[]) => texts.map((text) => ({ text, values: [] }))

  test('a recording knows its transactions, and every statement is a round trip', () => {
    const recording = grouped(sent('begin', 'insert', 'update', 'commit', 'select'))
    expect(recording.map(({ isTransaction }) => isTransaction)).toEqual([true, false])
    expect(recording[0]!.statements.map(({ text }) => text)).toEqual(['insert', 'update'])
    expect(roundTripsOf(recording)).toBe(5)
  })

  test('a transaction that was rolled back or left open is not replayed', () => {
    expect(() => grouped(sent('begin', 'insert', 'rollback'))).toThrow('rolled back')
    expect(() => grouped(sent('begin', 'insert'))).toThrow('did not end')
  })

  test('works that run at the same time are told apart', async () => {
    const recorder = new Recorder()
    const work = (text: string) => async () => {
      recorder.onStatement(text, [1])
      await Promise.resolve()
      recorder.onStatement(text, [2])
    }
    const recordings = await Promise.all([recorder.record(work('a')), recorder.record(work('b'))])
    expect(recordings.map((each) => each.map((group) => group.statements[0]!.text))).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ])
  })
})

describe('the command', () => {
  test('slack forgives a share of a bar, never of the truth that it was missed', () => {
    const turns = [{ floor: sample(100), ours: sample(60) }]
    const row = rowOf({ name: 'edge-hit', bar: 0.8 }, turns)
    expect(row.ok).toBe(false)
    expect([0, 0.2, 0.3].map((slack) => isWithin(row, slack))).toEqual([false, false, true])
    expect(isWithin({ ...row, p99Ratio: 2, p99Bar: 1.3 }, 0.3)).toBe(false)
    expect(isWithin({ ...row, p99Ratio: 1.8, p99Bar: 1.3 }, 0.3)).toBe(true)
    expect(readArguments([]).slack).toBe(0)
    expect(readArguments(['--slack', '0.4']).slack).toBe(0.4)
    for (const wrong of ['1', '-0.1', 'much']) {
      expect(() => readArguments([`--slack=${wrong}`])).toThrow('--slack')
    }
  })

  test('no name means all there is, and a name only its own', () => {
    const all = readArguments([]).selected
    expect(all.rows.map((row) => row.name)).toEqual([
      'edge-hit',
      'edge-hit-token',
      'token-new',
      'token-seen',
      'colo-hit',
      'shield-hit',
      'cell-product',
      'cell-list',
      'cell-order',
    ])
    expect(all.limits.map((limit) => limit.name)).toEqual([
      'edge-bundle',
      'edge-start',
      'edge-memory',
      'sign-in-storm',
    ])
    const quick = readArguments(['--quick']).selected.limits.map((limit) => limit.name)
    expect(quick).toEqual(['edge-bundle', 'edge-start', 'edge-memory'])
    const named = readArguments(['sign-in-storm', '--quick'])
    expect(named.selected.limits.map((limit) => limit.name)).toEqual(['sign-in-storm'])
    const { selected } = readArguments(['cell-list', 'edge-start', '--quick'])
    expect(selected.rows.map((row) => row.name)).toEqual(['cell-list'])
    expect(selected.limits.map((limit) => limit.name)).toEqual(['edge-start'])
    expect(readArguments(['--seconds', '3']).plan.secondsPerTurn).toBe(3)
  })

  test('an unknown row and a senseless duration are refused', () => {
    expect(() => readArguments(['cell-lists'])).toThrow("no row or limit 'cell-lists'")
    expect(() => readArguments(['--seconds', '0'])).toThrow('--seconds')
    expect(() => readArguments(['--seconds', 'many'])).toThrow('--seconds')
  })

  test('a failure is a failure to the caller too, though a Postgres was embedded', () => {
    const program = "await import('./scripts/support/embedded-postgres.ts'); process.exitCode = 3"
    const command = ['--input-type=module', '--eval', program]
    expect(spawnSync('node', command, { cwd: ROOT }).status).toBe(3)
  })

  test('--help names every row and starts nothing', () => {
    const command = ['scripts/bench.ts', '--help']
    const { status, stdout } = spawnSync('node', command, { cwd: ROOT, encoding: 'utf8' })
    expect(status).toBe(0)
    expect(stdout).toContain('cell-order')
    expect(stdout).toContain('edge-memory')
    expect(stdout).toContain('--quick')
  })
})
