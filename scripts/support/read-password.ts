/** A password as a command is given it: on standard input, where no list of processes and no history shows it. */
import { PASSWORD_LENGTH_MAX } from '../../shared/contracts/identity.ts'

const BYTES_MAX = PASSWORD_LENGTH_MAX * 8

/** What is on standard input, without the line break at its end. */
export async function readPasswordFromInput(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin) {
    bytes += chunk.length
    if (bytes > BYTES_MAX) throw new Error('The password is too long.')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
