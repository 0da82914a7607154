/**
 * Passwords and their hashes as text: what a password may be (NIST SP 800-63B §3.1.1), and the PHC string format, which
 * keeps the parameters beside each hash so that they can be raised without anybody's password.
 */
import { invalidField } from '../../shared/problems.ts'

/** What argon2id spends (RFC 9106 §3.1). */
export interface PasswordCost {
  memoryKiB: number
  passes: number
  parallelism: number
}

/** OWASP's minimum. */
export const PASSWORD_COST: PasswordCost = { memoryKiB: 19_456, passes: 2, parallelism: 1 }
export const PASSWORD_CHARACTERS_MIN = 8
export const PASSWORD_CHARACTERS_MAX = 128
/** Of what is sent, before it is normalised: four bytes a character, and some that fold into fewer. */
export const PASSWORD_BYTES_MAX = 1_024
export const TAG_BYTES = 32
export const SALT_BYTES = 16

export interface PasswordHash extends PasswordCost {
  salt: Buffer
  tag: Buffer
}

/**
 * A password's bytes, the same however a keyboard composed its characters (NFKC), or what is wrong with it, in words.
 */
export function readPassword(password: string): { bytes: Buffer } | { fault: string } {
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) return { fault: TOO_LONG }
  if (!password.isWellFormed()) return { fault: 'is not well-formed Unicode' }
  const normalized = password.normalize('NFKC')
  const characters = [...normalized].length
  if (characters < PASSWORD_CHARACTERS_MIN) return { fault: TOO_SHORT }
  if (characters > PASSWORD_CHARACTERS_MAX) return { fault: TOO_LONG }
  return { bytes: Buffer.from(normalized) }
}

const TOO_SHORT = `has fewer than ${PASSWORD_CHARACTERS_MIN} characters`
const TOO_LONG = `has more than ${PASSWORD_CHARACTERS_MAX} characters`

/** @throws {Problem} `request.invalid` at the body's `pointer`, for a password that nobody may choose. */
export function assertPassword(password: string, pointer: string): void {
  const read = readPassword(password)
  if ('fault' in read) throw invalidField('body', pointer, read.fault)
}

export function formatHash({ memoryKiB, passes, parallelism, salt, tag }: PasswordHash): string {
  const cost = `m=${memoryKiB},t=${passes},p=${parallelism}`
  return `$argon2id$v=19$${cost}$${base64(salt)}$${base64(tag)}`
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/

/** @throws {Error} for what is no argon2id hash: only our own rows are read, so it is a bug. It does not quote the text. */
export function parseHash(text: string): PasswordHash {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(text) ?? []
  if (tag === undefined) throw new Error('a stored password hash cannot be read')
  return {
    memoryKiB: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt!, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

/** Base64 as the PHC format wants it, without padding. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
