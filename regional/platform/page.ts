/** Pages of what is listed by a key: a page's last one names the next. */

/** @param rows one more than the page holds, when another follows. */
export function pageOf<Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string) {
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? keyOf(items.at(-1)!) : null }
}
