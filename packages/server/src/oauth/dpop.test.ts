import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkProof, makeNonce, nonceHolds, thumbprint } from './dpop.ts'
import { isChallenge, verifierMatches } from './pkce.ts'

const ring = {
  current: 2,
  keys: new Map([
    [1, Buffer.alloc(32, 1)],
    [2, Buffer.alloc(32, 2)],
  ]),
}
const now = new Date(1_790_000_000_000)
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

describe('a nonce', () => {
  test('holds for five minutes, under every key of the ring, and in its own project alone', () => {
    const nonce = makeNonce(ring, 'acme', now)
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{27}$/)
    expect([0, 299, 301].map((seconds) => nonceHolds(nonce, ring, 'acme', later(seconds)))).toEqual([true, true, false])
    expect(nonceHolds(makeNonce({ ...ring, current: 1 }, 'acme', now), ring, 'acme', now)).toBe(true)
    expect(nonceHolds(nonce, ring, 'other', now)).toBe(false)
    expect(nonceHolds(nonce, { current: 1, keys: new Map([[1, Buffer.alloc(32, 1)]]) }, 'acme', now)).toBe(false)
    expect(nonceHolds(makeNonce(ring, 'acme', later(60)), ring, 'acme', now)).toBe(false)
  })

  test('with anything changed does not', () => {
    const nonce = makeNonce(ring, 'acme', now)
    fc.assert(
      fc.property(fc.nat(19), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const bytes = Buffer.from(nonce, 'base64url')
        bytes[index] = (bytes[index] ?? 0) ^ change
        expect(nonceHolds(bytes.toString('base64url'), ring, 'acme', now)).toBe(false)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => !nonceHolds(text, ring, 'acme', now)))
  })
})

describe('a proof', () => {
  const expected = { method: 'POST', uris: ['https://id.example.com/oauth2/token'], nonceHolds: () => false }

  test('that is garbage is bad and never throws', () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    )
    fc.assert(
      fc.property(
        fc.tuple(part, part, part).map((parts) => parts.join('.')),
        (text) => checkProof(text, expected, now).ok === false,
      ),
    )
    fc.assert(fc.property(fc.string(), (text) => checkProof(text, expected, now).ok === false))
  })

  test('has the thumbprint of RFC 7638 §3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    )
    expect(thumbprint({ kty: 'oct', k: 'AAAA' })).toBeUndefined()
    expect(thumbprint({ kty: 'EC', crv: 'P-384', x: 'a', y: 'b' })).toBeUndefined()
  })
})

describe('PKCE', () => {
  test('has the example of RFC 7636, appendix B', () => {
    const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    expect(verifierMatches(verifier, 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')).toBe(true)
    expect(verifierMatches(`${verifier}A`, 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')).toBe(false)
  })

  test('takes any well-formed verifier with its own challenge, and no other', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'
    const verifier = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 140 })
    fc.assert(
      fc.property(verifier, verifier, (one, other) => {
        const challenge = createHash('sha256').update(one).digest('base64url')
        expect(isChallenge(challenge)).toBe(true)
        expect(verifierMatches(one, challenge)).toBe(one.length >= 43 && one.length <= 128)
        if (one !== other) expect(verifierMatches(other, challenge)).toBe(false)
      }),
    )
    fc.assert(fc.property(fc.string(), fc.string(), (one, other) => !verifierMatches(one, other)))
  })
})
