/** How secrets of second factors are kept: encrypted where they are needed again, hashed where they are not. */
import { createHmac, randomBytes } from 'node:crypto'
import { decrypt, encrypt } from '../../platform/encrypted.ts'
import { base32 } from './totp.ts'

const BACKUP_CODES = 10
const BACKUP_CODE_LENGTH = 10

export class FactorSecrets {
  readonly #sealing: Buffer
  readonly #hashing: Buffer

  /** @param secret the cell's `AUTH_SECRET`. */
  constructor(secret: string) {
    const derive = (purpose: string) =>
      createHmac('sha256', Buffer.from(secret, 'base64url')).update(purpose).digest()
    this.#sealing = derive('second factor')
    this.#hashing = derive('backup codes')
  }

  /** Encrypts for one account: the row of another cannot be put in its place. */
  seal(accountId: string, plain: Uint8Array): string {
    return encrypt(this.#sealing, accountId, plain)
  }

  /** @throws {Error} for what was sealed for another account, with another key, or altered since. */
  open(accountId: string, text: string): Buffer {
    return decrypt(this.#sealing, accountId, text)
  }

  /** Codes for the day when the device is lost, as they are shown, once. */
  newBackupCodes(): string[] {
    return Array.from({ length: BACKUP_CODES }, () => {
      const code = base32(randomBytes(BACKUP_CODE_LENGTH)).slice(0, BACKUP_CODE_LENGTH)
      return `${code.slice(0, BACKUP_CODE_LENGTH / 2)}-${code.slice(BACKUP_CODE_LENGTH / 2)}`
    })
  }

  /** What is kept of a backup code, however it was typed. With a key, for its fifty bits could be guessed. */
  hashOf(accountId: string, code: string): string {
    const typed = code.toUpperCase().replaceAll(/[^A-Z2-7]/g, '')
    return createHmac('sha256', this.#hashing).update(`${accountId} ${typed}`).digest('base64url')
  }
}
