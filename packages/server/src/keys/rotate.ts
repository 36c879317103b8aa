// When signing keys and MAC keys change. A new signing key stands in the JWKS before it signs, an old one long enough
// after for every token it signed to expire.
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { after, type Instant, type Seconds } from '../world.ts'
import type { SigningAlgorithm, SigningKey } from './sign.ts'

const day: Seconds = 86_400
export const keyAge = {
  /** A signing key signs this long. */
  signing: 90 * day,
  /** A new one is published this long before it signs, so that every cache of the JWKS has it. */
  ahead: 2 * day,
  /** And published this long after it stopped: past the longest access token lifetime allowed. */
  published: 30 * day,
}

const generate = promisify(generateKeyPair)

/** A new key pair; RSA 2048 takes some hundred milliseconds in the thread pool. */
export async function newSigningKey(
  algorithm: SigningAlgorithm,
  now: Instant,
  signsFrom: Instant,
): Promise<SigningKey> {
  const { privateKey } =
    algorithm === 'RS256'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: 'P-256' })
  return toSigningKey({ privateKey, algorithm, createdAt: now, signsFrom })
}

/** Completes a signing key from its private part; `id` defaults to the RFC 7638 thumbprint's first 22 characters. */
export function toSigningKey(parts: {
  privateKey: KeyObject
  algorithm: SigningAlgorithm
  id?: string
  createdAt: Instant
  signsFrom: Instant
}): SigningKey {
  const publicKey = createPublicKey(parts.privateKey)
  const jwk = publicKey.export({ format: 'jwk' })
  const members =
    parts.algorithm === 'RS256'
      ? { e: jwk.e, kty: jwk.kty, n: jwk.n }
      : { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
  const id = parts.id ?? createHash('sha256').update(JSON.stringify(members)).digest('base64url').slice(0, 22)
  return {
    id,
    algorithm: parts.algorithm,
    privateKey: parts.privateKey,
    publicKey,
    publicJwk: { ...members, use: 'sig', alg: parts.algorithm, kid: id },
    createdAt: parts.createdAt,
    signsFrom: parts.signsFrom,
  }
}

/** A signing key from a private JWK, as `authgear.secrets.yaml` has it. */
export function signingKeyFromJwk(jwk: Record<string, unknown>, createdAt: Instant, signsFrom: Instant): SigningKey {
  const privateKey = createPrivateKey({ key: jwk as never, format: 'jwk' })
  const algorithm = jwk.kty === 'EC' ? 'ES256' : 'RS256'
  return toSigningKey({
    privateKey,
    algorithm,
    createdAt,
    signsFrom,
    ...(typeof jwk.kid === 'string' ? { id: jwk.kid } : {}),
  })
}

/** The algorithms whose newest key will stop signing soon, so that its successor must be made and published now. */
export function dueForSuccessor(keys: readonly SigningKey[], now: Instant): SigningAlgorithm[] {
  return (['RS256', 'ES256'] as const).filter((algorithm) => {
    const newest = Math.max(...keys.filter((key) => key.algorithm === algorithm).map((key) => key.signsFrom.getTime()))
    return now.getTime() >= newest + (keyAge.signing - keyAge.ahead) * 1000
  })
}

/** The keys of the JWKS: those that sign or will, and those that stopped lately. */
export function publishedKeys(keys: readonly SigningKey[], now: Instant): SigningKey[] {
  return keys.filter((key) => {
    const successors = keys.filter((other) => other.algorithm === key.algorithm && other.signsFrom > key.signsFrom)
    const stopped = Math.min(...successors.map((other) => other.signsFrom.getTime()))
    return after(new Date(Math.min(stopped, 8.64e15 - 1e12)), keyAge.published) > now
  })
}
