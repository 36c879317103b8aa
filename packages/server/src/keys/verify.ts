// Verifying JWTs that we signed ourselves: ID token hints, JWT access tokens.
import { verify } from 'node:crypto'
import type { SigningKey } from './sign.ts'

export type OwnJwt = { header: Record<string, unknown>; claims: Record<string, unknown> }

function parsePart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Checks the signature of a compact JWS against the project's keys, and nothing else: time, audience and issuer are the
 * caller's. The algorithm is the key's own, whatever the header says. Anything else than ours gives undefined.
 */
export function verifyOwnJwt(token: string, keys: readonly SigningKey[]): OwnJwt | undefined {
  if (token.length > 16_384) return undefined
  const parts = token.split('.')
  const [head, body, signature] = parts
  if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined) return undefined
  const header = parsePart(head)
  const key = keys.find((candidate) => candidate.id === header?.kid)
  if (header === undefined || key === undefined || header.alg !== key.algorithm) return undefined
  const input = Buffer.from(`${head}.${body}`)
  const bytes = Buffer.from(signature, 'base64url')
  const good =
    key.algorithm === 'ES256'
      ? verify('sha256', input, { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, bytes)
      : verify('sha256', input, key.publicKey, bytes)
  if (!good) return undefined
  const claims = parsePart(body)
  return claims === undefined ? undefined : { header, claims }
}
