/** Whose account is tried, so far as it can be told without asking anybody. */

/**
 * The same text for every way in which one account can be written: an e-mail address without its case and the spaces
 * around it; of a token what stands before its secret (`rt_eu_<session>.<secret>`), which stays when it rotates.
 *
 * @param member of the body that holds it.
 */
export function accountIn(member: string, text: string): string {
  if (member === 'email') return text.trim().toLowerCase()
  const dot = text.lastIndexOf('.')
  return dot === -1 ? text : text.slice(0, dot)
}
