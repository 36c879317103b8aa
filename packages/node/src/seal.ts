// What the app keeps where others can reach it (cookies, rows of a store) is sealed: nobody else reads it or makes one up.
import { base64url, EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose'

/** What a sealed text is for; one cannot be passed off as another. */
export type Purpose = 'sign-in' | 'session' | 'tokens' | 'stored session'

export type Sealer = {
  seal(purpose: Purpose, content: JWTPayload): Promise<string>
  /** The content, or undefined when it was not sealed by one of the keys, for this, or its `exp` has passed. */
  open(purpose: Purpose, text: string): Promise<JWTPayload | undefined>
}

const shortest = 32

/**
 * The first secret seals, all open: to change it, add the new one last everywhere, then move it to the front, and drop
 * the old one when what it sealed is gone. @throws TypeError when there is none, or one that could be guessed.
 */
export function sealer(keys: readonly (string | undefined)[], now: () => Date): Sealer {
  const secrets = keys.filter((key) => key !== undefined && key.length >= shortest) as [string, ...string[]]
  if (secrets.length === 0 || secrets.length < keys.length)
    throw new TypeError(`each of cookieKeys needs ${shortest} characters, such as: openssl rand -base64 32`)

  const derived = new Map<string, Promise<Uint8Array>>()
  const derive = (secret: string, info: string) => {
    const name = `${info} ${secret}`
    const known = derived.get(name) ?? hkdf(secret, info)
    derived.set(name, known)
    return known
  }
  /** Names a secret in what it sealed, and says nothing about it. */
  const nameOf = async (secret: string) => base64url.encode((await derive(secret, 'name')).subarray(0, 6))

  return {
    async seal(purpose, content) {
      const [secret] = secrets
      return new EncryptJWT(content)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: await nameOf(secret) })
        .encrypt(await derive(secret, purpose))
    },
    async open(purpose, text) {
      try {
        const { payload } = await jwtDecrypt(
          text,
          async ({ kid }) => {
            for (const secret of secrets) if ((await nameOf(secret)) === kid) return derive(secret, purpose)
            throw new Error('sealed by another key')
          },
          {
            keyManagementAlgorithms: ['dir'],
            contentEncryptionAlgorithms: ['A256GCM'],
            currentDate: now(),
          },
        )
        return payload
      } catch {
        return undefined
      }
    },
  }
}

/** RFC 5869 with SHA-256: 32 bytes. */
async function hkdf(secret: string, info: string): Promise<Uint8Array> {
  const encoder = new TextEncoder()
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveBits'])
  const from = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(`@headgear/node ${info}`) }
  return new Uint8Array(await crypto.subtle.deriveBits(from, key, 256))
}
