/**
 * The floor of a read in the cell: a bare server that runs one prepared query and answers with the same bytes.
 * Started with its exhibit's path; it prints the port it listens on.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import pg from 'pg'

/** What real answers of ours were made of. */
export interface ReadExhibit {
  databaseUrl: string
  poolMax: number
  keepAliveMs: number
  text: string
  /** The column that holds the body. */
  column: string
  /** By the path and query that is asked for. */
  pages: Record<string, ReadPage>
  headers: Record<string, string>
}

export interface ReadPage {
  /** The statement's. */
  values: unknown[]
  /** What stands in the body around the column. */
  before: string
  after: string
}

if (import.meta.main) {
  const exhibit = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ReadExhibit
  const { databaseUrl, poolMax, keepAliveMs, text, column, pages, headers } = exhibit
  const pool = new pg.Pool({ connectionString: databaseUrl, max: poolMax })
  const server = createServer({ keepAliveTimeout: keepAliveMs }, async (request, response) => {
    const { values, before, after } = pages[request.url!]!
    const { rows } = await pool.query({ name: 'read', text, values })
    const body = before + rows[0][column] + after
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) })
    response.end(body)
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number }
    process.stdout.write(`listening on ${port}\n`)
  })
}
