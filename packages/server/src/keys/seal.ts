// Secrets at rest: AES-256-GCM under the master key. The first key of the list seals, all open.
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import type { Random } from '../world.ts'

export type MasterKey = { id: string; key: Buffer }
export type Sealer = {
  /** Sealed text for a column; `context` (such as table and project) must be the same on opening. */
  seal(plain: string | Buffer, context: string): string
  /** @throws Error when no master key fits or the text was altered or moved. */
  open(sealed: string, context: string): Buffer
}

/** Parses `new,old`: base64 (or base64url) of 32 bytes each. Throws an Error that names the position, not the value. */
export function parseMasterKeys(text: string): MasterKey[] {
  return text.split(',').map((part, index) => {
    const key = Buffer.from(part.trim(), 'base64')
    if (key.length !== 32) throw new Error(`master key ${index + 1} is not 32 bytes of base64`)
    return { id: createHash('sha256').update('headgear master key\0').update(key).digest('base64url').slice(0, 8), key }
  })
}

export function makeSealer(keys: readonly MasterKey[], random: Random): Sealer {
  const first = keys[0]
  if (first === undefined) throw new Error('no master key')
  return {
    seal(plain, context) {
      const nonce = random(12)
      const cipher = createCipheriv('aes-256-gcm', first.key, nonce).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return `${first.id}.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url')}`
    },
    open(sealed, context) {
      const [id, text] = sealed.split('.')
      const key = keys.find((candidate) => candidate.id === id)
      if (key === undefined || text === undefined) throw new Error('sealed with a master key that is not given')
      const bytes = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key.key, bytes.subarray(0, 12)).setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(bytes.length - 16))
      return Buffer.concat([decipher.update(bytes.subarray(12, bytes.length - 16)), decipher.final()])
    },
  }
}
