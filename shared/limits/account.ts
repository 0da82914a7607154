/** Whose account is tried, so far as it can be told without asking anybody. */

/**
 * The same text for every way in which one account can be written: an e-mail address without its case, the spaces around
 * it, and what its owner may add after a `+` (RFC 5233), because a mailbox could be filled by way of each; of a token what
 * stands before its secret (`rt_eu_<session>.<secret>`), which stays when it rotates.
 *
 * @param member of the body that holds it.
 */
export function accountIn(member: string, text: string): string {
  if (member === 'email') return mailboxIn(text.trim().toLowerCase())
  const dot = text.lastIndexOf('.')
  return dot === -1 ? text : text.slice(0, dot)
}

/** Without a regular expression: at the edge the text may be as long as a body. */
function mailboxIn(address: string): string {
  const at = address.lastIndexOf('@')
  const plus = address.indexOf('+')
  // One that begins with it is all there is of the name.
  const isTagged = plus > 0 && plus < at
  return isTagged ? address.slice(0, plus) + address.slice(at) : address
}
