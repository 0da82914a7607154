/** A seal proves who wrote a text, and for which place. */
import { describe, expect, it } from 'vitest'
import { type SealKey, seal, unseal } from '../../shared/signing/seal.ts'

function key(keyId: string): SealKey {
  return { keyId, secret: crypto.getRandomValues(new Uint8Array(32)) }
}

const old = key('edge-1')
const next = key('edge-2')

describe('a sealed text', () => {
  it('is read by who holds the key, whatever is in it', async () => {
    for (const text of ['', 'beat', '{"tags":["größe","\\n"]}\nedge-1=x', 'a=b c=d\n\n']) {
      expect(await unseal(await seal(text, 'eu:beat', [old]), 'eu:beat', [old])).toBe(text)
    }
  })

  it('sealed with both keys of a rotation is read by who holds either', async () => {
    const sealed = await seal('text', 'place', [old, next])
    expect(await unseal(sealed, 'place', [old])).toBe('text')
    expect(await unseal(sealed, 'place', [next])).toBe('text')
    expect(await unseal(await seal('text', 'place', [old]), 'place', [next, old])).toBe('text')
  })

  it('is nothing to who holds another secret, though under the same name', async () => {
    const sealed = await seal('text', 'place', [old])
    expect(await unseal(sealed, 'place', [next])).toBeNull()
    expect(await unseal(sealed, 'place', [key('edge-1')])).toBeNull()
    expect(await unseal(sealed, 'place', [])).toBeNull()
  })

  it('is good for its place alone', async () => {
    const sealed = await seal('text', 'eu:beat', [old])
    expect(await unseal(sealed, 'us:beat', [old])).toBeNull()
    expect(await unseal(sealed, 'eu:changes', [old])).toBeNull()
  })

  it.each<[string, (sealed: string) => string]>([
    ['another text', (sealed) => `${sealed.split('\n')[0]}\nother`],
    ['one character more', (sealed) => `${sealed} `],
    ['one character less', (sealed) => sealed.slice(0, -1)],
    ['its place in its text', (sealed) => sealed.replace('\n', '\nplace\n')],
    ['no seal', () => 'text'],
    ['an empty seal', () => 'edge-1=\ntext'],
    ['a seal that is not base64', () => 'edge-1=???\ntext'],
    ['the seal of another key id', (sealed) => sealed.replace('edge-1', 'edge-2')],
    ['its seal after two of others', (sealed) => `a=b c=d ${sealed}`],
    ['nothing at all', () => ''],
  ])('with %s is refused', async (_, alter) => {
    const sealed = await seal('text', 'place', [old])
    expect(await unseal(alter(sealed), 'place', [old, next])).toBeNull()
  })
})
