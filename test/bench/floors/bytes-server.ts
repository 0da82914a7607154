/** The floor of an answer from memory over HTTP: a bare server that returns the same bytes and headers. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

export interface BytesExhibit {
  keepAliveMs: number
  body: string
  headers: Record<string, string>
}

if (import.meta.main) {
  const exhibit = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as BytesExhibit
  const body = Buffer.from(exhibit.body)
  const headers = { ...exhibit.headers, 'content-length': body.byteLength }
  const server = createServer({ keepAliveTimeout: exhibit.keepAliveMs }, (_request, response) => {
    response.writeHead(200, headers)
    response.end(body)
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number }
    process.stdout.write(`listening on ${port}\n`)
  })
}
