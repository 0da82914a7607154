/** What is kept in the place of a secret, or of a long text that is only compared. */
import { createHash } from 'node:crypto'

/** SHA-256, in base64url. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
