/** Step 1: the request's id, and its place in a trace (W3C Trace Context). */

export interface Trace {
  readonly requestId: string
  /** To be passed on: the caller's trace with a span of ours, or a new trace. */
  traceparent(): string
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

export function newRequestId(): string {
  return crypto.randomUUID()
}

export function traceOf(request: Request): Trace {
  const requestId = newRequestId()
  return {
    requestId,
    traceparent: () => {
      const given = TRACEPARENT.exec(request.headers.get('traceparent') ?? '')
      const ownId = requestId.replaceAll('-', '')
      const traceId = given?.[1] ?? ownId
      return `00-${traceId}-${ownId.slice(16)}-${given?.[3] ?? '01'}`
    },
  }
}
