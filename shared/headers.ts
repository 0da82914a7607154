/** The names of the headers of our own, and of the structured field that the edge adds. */

export const HEADERS = {
  /** The newest change a reader has seen or made: `catalogue=812;h=7f3a`. */
  position: 'tradewind-position',
  /** The least state a lower tier may answer with; same form as a position. */
  minimum: 'tradewind-minimum',
  /** Stamp of a cacheable answer, cell to edge: `catalogue=812;h=7f3a`. */
  stamp: 'tradewind-stamp',
  /** Tags of a cacheable answer, cell to edge, separated by spaces. */
  tags: 'tradewind-tags',
  /** How long a cacheable answer may be kept at most, in whole seconds, where a schedule bounds it; cell to edge. */
  life: 'tradewind-life',
  /** Names a question of the feed; the answer repeats it, so that an answer to another question is known as one. */
  question: 'tradewind-question',
  /** Of an answer for which a password was hashed: how many milliseconds one keeps the next waiting; cell to edge. */
  turn: 'tradewind-turn',
  /** What the edge decided: `request="…", market="de", locale="de", country="DE"` (RFC 9651 dictionary). */
  context: 'tradewind-context',
  /** The cell that answered. */
  cell: 'tradewind-cell',
  /** A cart's secret, the proof of holding it. */
  cartSecret: 'tradewind-cart-secret',
  requestId: 'tradewind-request-id',
  idempotencyKey: 'idempotency-key',
  cacheStatus: 'cache-status',
} as const
