/** The Cache API's contract in memory: one colo's cache, which keeps a response for its `max-age` and no longer. */
export function coloCache() {
  const kept = new Map<string, { response: Response; untilMs: number }>()
  const cache = {
    match: async (address: string) => {
      const found = kept.get(address)
      return found === undefined || found.untilMs <= Date.now() ? undefined : found.response.clone()
    },
    put: async (address: string, response: Response) => {
      const seconds = Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1])
      kept.set(address, { response, untilMs: Date.now() + seconds * 1_000 })
    },
  }
  return { cache: cache as unknown as Cache, kept }
}
