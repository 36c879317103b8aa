// DPoP proofs (RFC 9449 §4.3; wire contract §3.7).
import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import type { MacRing } from '../sessions/credential.ts'
import type { Instant } from '../world.ts'

/** Seconds that a proof's `iat` may be away from our clock, either way. */
export const proofSkew = 300
export const proofAlgorithms = ['ES256', 'RS256'] as const

/** `ath` is the digest of the access token that the proof goes with; `vouched`, that a nonce of ours stands behind its time. */
export type Proof = { jkt: string; jti: string; ath: string | undefined; vouched: boolean }
export type ProofVerdict = { ok: true; proof: Proof } | { ok: false; stale: boolean; why: string }

const bad = (why: string): ProofVerdict => ({ ok: false, stale: false, why })

function decode(part: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** RFC 7638 thumbprint of a public EC P-256 or RSA key, or undefined when it is neither. */
export function thumbprint(jwk: Record<string, unknown>): string | undefined {
  const text = (name: string) => (typeof jwk[name] === 'string' ? (jwk[name] as string) : undefined)
  const members =
    jwk.kty === 'EC' && jwk.crv === 'P-256'
      ? { crv: 'P-256', kty: 'EC', x: text('x'), y: text('y') }
      : jwk.kty === 'RSA'
        ? { e: text('e'), kty: 'RSA', n: text('n') }
        : undefined
  if (members === undefined || Object.values(members).includes(undefined)) return undefined
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

type Expected = {
  method: string
  /** Addresses under which the endpoint may be called, without query. */
  uris: readonly string[]
  /** Whether a nonce is one of ours and fresh: it vouches for the time where the client's clock cannot (RFC 9449 §8). */
  nonceHolds(nonce: string): boolean
  /** Seconds that `iat` may be off; five minutes unless said otherwise. */
  skew?: number
}

/**
 * Checks a proof for this method and these addresses of the endpoint. Only a proof that is wrong by its `iat` alone is
 * `stale`: that is a clock, not an attack, and the client may try again with a nonce (D6).
 */
export function checkProof(text: string, request: Expected, now: Instant): ProofVerdict {
  if (text.length > 8192) return bad('the proof is too long')
  const [head, body, signature, ...rest] = text.split('.')
  const header = decode(head)
  const claims = decode(body)
  if (header === undefined || claims === undefined || signature === undefined || rest.length > 0)
    return bad('the proof is not a JWS')
  if (header.typ !== 'dpop+jwt') return bad('typ is not dpop+jwt')
  const jwk = header.jwk
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk) || 'd' in jwk)
    return bad('the header has no public jwk')
  const jkt = thumbprint(jwk as Record<string, unknown>)
  const wanted = (jwk as Record<string, unknown>).kty === 'EC' ? 'ES256' : 'RS256'
  if (jkt === undefined || header.alg !== wanted) return bad('alg is not ES256 or RS256 with its key')
  if (!signatureHolds(`${head}.${body}`, signature, jwk as Record<string, unknown>))
    return bad('the signature does not hold')
  const { jti, htm, htu, iat, nonce, ath } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) return bad('jti is missing or too long')
  if (typeof htm !== 'string' || htm.toUpperCase() !== request.method.toUpperCase()) return bad('htm is another method')
  if (typeof htu !== 'string' || !request.uris.includes(withoutQuery(htu))) return bad('htu is another address')
  if (typeof iat !== 'number') return bad('iat is missing')
  const vouched = typeof nonce === 'string' && request.nonceHolds(nonce)
  if (!vouched && Math.abs(now.getTime() / 1000 - iat) > (request.skew ?? proofSkew))
    return { ok: false, stale: true, why: 'iat is too far from the server’s clock' }
  return { ok: true, proof: { jkt, jti, ath: typeof ath === 'string' ? ath : undefined, vouched } }
}

/** What `ath` of a proof must be for this access token (RFC 9449 §4.2). */
export function athOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

function withoutQuery(uri: string): string {
  if (!URL.canParse(uri)) return uri
  const url = new URL(uri)
  return url.origin + url.pathname
}

function signatureHolds(input: string, signature: string, jwk: Record<string, unknown>): boolean {
  try {
    const key = createPublicKey({ key: jwk as never, format: 'jwk' })
    const bytes = Buffer.from(signature, 'base64url')
    if (jwk.kty === 'EC') return verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, bytes)
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) return false
    return verify('sha256', Buffer.from(input), key, bytes)
  } catch {
    return false
  }
}

const nonceMac = (key: Buffer, projectId: string, time: Buffer) =>
  createHmac('sha256', key).update('dpop nonce\0').update(time).update(projectId).digest().subarray(0, 16)

/** A nonce that says when it was given, under the ring's current key: nobody has to remember it. 27 characters. */
export function makeNonce(ring: MacRing, projectId: string, now: Instant): string {
  const time = Buffer.alloc(4)
  time.writeUInt32BE(Math.floor(now.getTime() / 1000))
  const key = ring.keys.get(ring.current)
  if (key === undefined) throw new Error('the ring has no current key')
  return Buffer.concat([time, nonceMac(key, projectId, time)]).toString('base64url')
}

/** Whether it is a nonce of this project, given in the last five minutes. */
export function nonceHolds(nonce: string, ring: MacRing, projectId: string, now: Instant): boolean {
  if (!/^[A-Za-z0-9_-]{27}$/.test(nonce)) return false
  const bytes = Buffer.from(nonce, 'base64url')
  const time = bytes.subarray(0, 4)
  const age = now.getTime() / 1000 - time.readUInt32BE()
  if (age < -1 || age > proofSkew) return false
  return [...ring.keys.values()].some((key) => timingSafeEqual(nonceMac(key, projectId, time), bytes.subarray(4)))
}
