/** Pages of what is listed by id. */

/** @param rows one more than the page holds, when another follows. */
export function pageOf<Row extends { id: string }>(rows: readonly Row[], limit: number) {
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? items.at(-1)!.id : null }
}
