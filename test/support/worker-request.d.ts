/** What Cloudflare adds to a request, for edges that run in this process. */
interface Request {
  readonly cf?: Readonly<Record<string, unknown>>
}
