// When signing keys and MAC keys change. A new key is known everywhere before it makes anything: a signing key stands in
// the JWKS, a MAC key in every node's memory. An old one verifies for as long as something that it made may live.
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Config } from '../config/schema.ts'
import { after, type Instant, type Seconds } from '../world.ts'
import type { SigningAlgorithm, SigningKey } from './sign.ts'

const day: Seconds = 86_400
export const keyAge = {
  /** A signing key signs this long. */
  signing: 90 * day,
  /** A new one is published this long before it signs, so that every cache of the JWKS has it. */
  ahead: 2 * day,
  /** And published at least this long after it stopped. */
  published: 30 * day,
  /** A MAC key makes cookies and tokens this long. */
  mac: 90 * day,
  /** A new one is in the ring this long before it makes any, so that every node reads them. */
  macAhead: day,
}

/** How long anything that a project's keys make may live: sessions, refresh tokens, access tokens. */
export function longestLife(config: Config): Seconds {
  const clients = config.oauth.clients.flatMap((client) => [
    client.refresh_token_lifetime_seconds,
    client.access_token_lifetime_seconds,
  ])
  return Math.max(config.session.lifetime_seconds, ...clients) + day
}

/** How long after it stopped signing a key is in the JWKS: until the last access token under it has expired. */
export function publishedFor(config: Config): Seconds {
  const lifetimes = config.oauth.clients.map((client) => client.access_token_lifetime_seconds + day)
  return Math.max(keyAge.published, ...lifetimes)
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

/** Keys of the secrets file are as old as time itself: nobody knows since when they sign. */
export const givenAt = new Date(0)

export function isGiven(key: Pick<SigningKey, 'createdAt'>): boolean {
  return key.createdAt.getTime() === givenAt.getTime()
}

type KeyTimes = { algorithm: SigningAlgorithm; signsFrom: Instant }

/** When the successor of a newest signing key is to be made. */
export function successorDue(newest: Pick<KeyTimes, 'signsFrom'>): Instant {
  return after(newest.signsFrom, keyAge.signing - keyAge.ahead)
}

/** The algorithms whose newest key will stop signing soon, so that its successor must be made and published now. */
export function dueForSuccessor(keys: readonly KeyTimes[], now: Instant): SigningAlgorithm[] {
  return (['RS256', 'ES256'] as const).filter(
    (algorithm) => !keys.some((key) => key.algorithm === algorithm && now < successorDue(key)),
  )
}

/** The keys that stopped signing no longer than this ago, and those that sign or will. */
export function keptKeys<Key extends KeyTimes>(keys: readonly Key[], kept: Seconds, now: Instant): Key[] {
  return keys.filter((key) => {
    const successors = keys.filter((other) => other.algorithm === key.algorithm && other.signsFrom > key.signsFrom)
    return successors.every((other) => now < after(other.signsFrom, kept))
  })
}

/** `retiredAt` is when its successor took over. */
export type MacKeyTimes = { id: number; createdAt: Instant; retiredAt: Instant | null }

/** The key that makes cookies and tokens now: the oldest that has not been retired. */
export function currentMacKey<Key extends MacKeyTimes>(keys: readonly Key[]): Key | undefined {
  return keys
    .filter((key) => key.retiredAt === null)
    .reduce<Key | undefined>((best, key) => (best && best.createdAt <= key.createdAt ? best : key), undefined)
}

/**
 * What a ring needs: a successor to be made, or the one that every node has learnt of by now to take over; and when.
 * Undefined for a ring without keys.
 */
export function nextMacStep(keys: readonly MacKeyTimes[]): { kind: 'make' | 'promote'; due: Instant } | undefined {
  const current = currentMacKey(keys)
  if (current === undefined) return undefined
  const successor = currentMacKey(keys.filter((key) => key.id !== current.id))
  if (successor !== undefined) return { kind: 'promote', due: after(successor.createdAt, keyAge.macAhead) }
  const since = Math.max(current.createdAt.getTime(), ...keys.map((key) => key.retiredAt?.getTime() ?? 0))
  return { kind: 'make', due: after(new Date(since), keyAge.mac - keyAge.macAhead) }
}

/** A number of the ring that no key has, the next one round; undefined when all 255 are taken. */
export function freeMacId(keys: readonly MacKeyTimes[]): number | undefined {
  const taken = new Set(keys.map((key) => key.id))
  const last = Math.max(0, ...taken)
  const ids = Array.from({ length: 255 }, (_, index) => ((last + index) % 255) + 1)
  return ids.find((id) => !taken.has(id))
}
