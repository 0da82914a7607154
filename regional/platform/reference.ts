/**
 * What the API says of itself: the OpenAPI document, and the page that shows it. Both are for everybody, so neither is
 * signed. Nothing on the page comes from another host, and its content policy would refuse it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Scalar } from '@scalar/hono-api-reference'
import { Hono } from 'hono'
import { openApiDocument } from '../../shared/openapi/document.ts'

const DOCUMENT_SECONDS = 300

interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly etag: string
}

export function reference(): Hono {
  const document = lazily(async () => asset(JSON.stringify(openApiDocument())))
  const script = lazily(async () => asset(await readFile(scriptFile())))
  const app = new Hono()

  app.get('/v1/openapi.json', async (c) =>
    answerAsset(c.req.raw, await document(), {
      'content-type': 'application/json',
      'cache-control': `public, max-age=${DOCUMENT_SECONDS}`,
    }),
  )
  // The page names the script by its digest, so a copy of it can be kept for good.
  app.get('/docs/scalar.js', async (c) =>
    answerAsset(c.req.raw, await script(), {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    }),
  )
  app.get('/docs', async (c, next) => {
    const nonce = randomBytes(16).toString('base64')
    c.header('cache-control', 'no-store')
    c.header('content-security-policy', contentPolicy(nonce))
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    const { etag } = await script()
    return await Scalar({
      pageTitle: 'Tradewind API',
      url: '/v1/openapi.json',
      cdn: `/docs/scalar.js?v=${etag.slice(1, 17)}`,
      nonce,
      theme: 'default',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
      // Without one the browser asks for `/favicon.ico`, which is not ours to answer.
      favicon: 'data:,',
      hideClientButton: true,
      defaultOpenAllTags: true,
    })(c, next)
  })
  return app
}

/** Scripts by nonce and from here alone. Scalar writes its styles inline, and that cannot run anything. */
function contentPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The build for browsers, beside the one that Node would import. */
function scriptFile(): URL {
  return new URL('browser/standalone.js', import.meta.resolve('@scalar/api-reference'))
}

function asset(content: string | Buffer): Asset {
  const bytes = new Uint8Array(Buffer.from(content))
  const digest = createHash('sha256').update(bytes).digest('base64url')
  return { bytes, etag: `"${digest}"` }
}

function answerAsset(
  request: Request,
  { bytes, etag }: Asset,
  headers: Record<string, string>,
): Response {
  const isKnown = request.headers.get('if-none-match') === etag
  return new Response(isKnown ? null : bytes, {
    status: isKnown ? 304 : 200,
    headers: { ...headers, etag },
  })
}

/** Runs `make` for the first caller; a failure is not remembered. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make().catch((cause: unknown) => {
      made = null
      throw cause
    })
    return made
  }
}
