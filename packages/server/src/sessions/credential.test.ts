import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type MacRing,
  mintAccessToken,
  mintCookie,
  newGrantSecret,
  newTokenId,
  readCredential,
  readSid,
  readTokenId,
  refreshToken,
  sid,
} from './credential.ts'

const ring: MacRing = {
  current: 2,
  keys: new Map([
    [1, Buffer.alloc(32, 1)],
    [2, Buffer.alloc(32, 2)],
  ]),
}
const from = { ring, projectId: 'acme', random: randomBytes }

function every() {
  const { secret, id } = newGrantSecret('acme', randomBytes)
  return {
    session: mintCookie('session', from).token,
    app_session: mintCookie('app_session', from).token,
    refresh_token: refreshToken({ secret, generation: 7, keyId: 1 }, from),
    access_token: mintAccessToken({ id, generation: 7, expiresAt: new Date(1_900_000_000_000) }, from).token,
  }
}

describe('credentials', () => {
  test('have the lengths and the alphabet that the contract allows', () => {
    const made = every()
    expect(Object.values(made).map((text) => text.length)).toEqual([46, 46, 51, 64])
    for (const text of Object.values(made)) expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
  })

  test('are read back as what they were minted', () => {
    for (const [kind, text] of Object.entries(every())) expect(readCredential(text, from)?.kind).toBe(kind)
    const { secret, id } = newGrantSecret('acme', randomBytes)
    const read = readCredential(refreshToken({ secret, generation: 41, keyId: 2 }, from), from)
    expect(read).toEqual({ kind: 'refresh_token', id, generation: 41, keyId: 2, secret })
  })

  test('keep the secret out of the id: SHA-256 of kind, project and secret', () => {
    const { secret, id } = newGrantSecret('acme', () => Buffer.alloc(16, 9))
    const digest = createHash('sha256').update(Buffer.of(2)).update('acme\0').update(secret).digest()
    expect(id).toEqual(digest.subarray(0, 16))
  })

  test('of one project are noise in another, even under the same keys', () => {
    for (const text of Object.values(every()))
      expect(readCredential(text, { ring, projectId: 'other' })).toBeUndefined()
  })

  test('are refused under a ring that lost their key, and accepted under one that gained another', () => {
    const text = mintCookie('session', from).token
    expect(
      readCredential(text, { ring: { current: 1, keys: new Map([[1, Buffer.alloc(32, 1)]]) }, projectId: 'acme' }),
    ).toBeUndefined()
    const grown = { current: 3, keys: new Map([...ring.keys, [3, Buffer.alloc(32, 3)] as const]) }
    expect(readCredential(text, { ring: grown, projectId: 'acme' })?.kind).toBe('session')
  })

  test('with any byte changed, cut or added are refused', () => {
    const made = Object.values(every())
    fc.assert(
      fc.property(fc.constantFrom(...made), fc.nat(), fc.integer({ min: 1, max: 255 }), (text, position, change) => {
        const bytes = Buffer.from(text, 'base64url')
        const index = position % bytes.length
        bytes[index] = (bytes[index] ?? 0) ^ change
        expect(readCredential(bytes.toString('base64url'), from)).toBeUndefined()
        expect(readCredential(text.slice(0, -1), from)).toBeUndefined()
        expect(readCredential(`${text}A`, from)).toBeUndefined()
      }),
    )
  })

  test('have one spelling: padding bits that would decode alike are refused', () => {
    const { token } = mintCookie('session', from)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1) ?? '')
    const twin = token.slice(0, -1) + alphabet[last ^ 1]
    expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(token, 'base64url'))
    expect(readCredential(twin, from)).toBeUndefined()
  })

  test('garbage is refused and never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        expect(readCredential(text, from)).toBeUndefined()
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom(34, 38, 48), fc.uint8Array({ minLength: 48, maxLength: 48 }), (length, bytes) => {
        expect(readCredential(Buffer.from(bytes).subarray(0, length).toString('base64url'), from)).toBeUndefined()
      }),
    )
  })

  test('name their grant and generation in a token id', () => {
    const { id } = newGrantSecret('acme', randomBytes)
    expect(readTokenId(newTokenId({ id, generation: 3 }, randomBytes))).toEqual({ id, generation: 3 })
    const minted = mintAccessToken({ id, generation: 3, expiresAt: new Date(0) }, from)
    expect(readTokenId(minted.tokenId)).toEqual({ id, generation: 3 })
    expect(readTokenId('x')).toBeUndefined()
  })

  test('have a sid that names kind and id', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('idp' as const, 'offline_grant' as const),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (kind, bytes) => {
          expect(readSid(sid(kind, Buffer.from(bytes)))).toEqual({ kind, id: Buffer.from(bytes) })
        },
      ),
    )
    fc.assert(fc.property(fc.string(), (text) => void readSid(text)))
  })
})
