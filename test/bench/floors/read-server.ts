/**
 * The floor of a read in the cell: a bare server that runs one prepared query and answers with the same bytes.
 * Started with its exhibit's path; it prints the port it listens on.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import pg from 'pg'

/** What a real answer of ours was made of. */
export interface ReadExhibit {
  databaseUrl: string
  poolMax: number
  keepAliveMs: number
  query: { text: string; values: unknown[] }
  /** The column that holds the body, and what stands around it there. */
  column: string
  before: string
  after: string
  headers: Record<string, string>
}

if (import.meta.main) {
  const exhibit = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ReadExhibit
  const { databaseUrl, poolMax, keepAliveMs, column, before, after, headers } = exhibit
  const { text, values } = exhibit.query
  const pool = new pg.Pool({ connectionString: databaseUrl, max: poolMax })
  const server = createServer({ keepAliveTimeout: keepAliveMs }, async (_request, response) => {
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
