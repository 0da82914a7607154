/**
 * One thread that derives password hashes, one at a time, and says no more of a failure than that there was one.
 *
 * It has the lowest priority that there is. On Linux a priority belongs to the thread that sets it, so a storm of
 * sign-ins takes the time that the main thread leaves, and reads keep theirs.
 */
import { argon2Sync } from 'node:crypto'
import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { Derivation, Derived } from './passwords.ts'

setPriority(constants.priority.PRIORITY_LOW)

parentPort!.on('message', (derivation: Derivation) => {
  parentPort!.postMessage(derive(derivation))
})

function derive({ password, salt, tagBytes, cost }: Derivation): Derived {
  try {
    const tag = argon2Sync('argon2id', {
      message: password,
      nonce: salt,
      tagLength: tagBytes,
      memory: cost.memoryKiB,
      passes: cost.passes,
      parallelism: cost.parallelism,
    })
    return { tag }
  } catch (error) {
    return { code: (error as { code?: string }).code ?? 'unknown' }
  }
}
