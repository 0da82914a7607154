/** How secrets of second factors are kept: encrypted where they are needed again, hashed where they are not. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { base32 } from './totp.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
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

  /** Encrypts for one account (AES-256-GCM): the row of another cannot be put in its place. */
  seal(accountId: string, plain: Uint8Array): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, nonce).setAAD(
      Buffer.from(accountId),
    )
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** @throws {Error} for what was sealed for another account, with another key, or altered since. */
  open(accountId: string, text: string): Buffer {
    const bytes = Buffer.from(text, 'base64url')
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
    const options = { authTagLength: TAG_BYTES }
    const decipher = createDecipheriv('aes-256-gcm', this.#sealing, nonce, options)
      .setAAD(Buffer.from(accountId))
      .setAuthTag(tag)
    return Buffer.concat([
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
      decipher.final(),
    ])
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
