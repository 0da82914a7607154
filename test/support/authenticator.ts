/** The device's half of a second factor: what an authenticator app does with the QR code it was shown. */
import { codeOf, stepAt } from '../../regional/modules/identity/totp.ts'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** @returns the code that the app shows at a time. */
export function authenticatorOf(uri: string): (now: Date) => string {
  const text = new URL(uri).searchParams.get('secret')!
  const bits = [...text].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0'))
  const bytes = bits
    .join('')
    .match(/.{8}/g)!
    .map((byte) => Number.parseInt(byte, 2))
  return (now) => codeOf(Buffer.from(bytes), stepAt(now))
}
