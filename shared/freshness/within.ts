/** Waiting for work that belongs to another request, which may be cut off and never settle. */

/** What the work comes to, or `late` when it takes longer than these milliseconds. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | 'late'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), milliseconds)
  })
  const result = await Promise.race([work, late])
  if (timer !== undefined) clearTimeout(timer)
  return result
}

export function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
