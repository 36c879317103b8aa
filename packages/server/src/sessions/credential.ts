// What travels in cookies and requests: minted, read and refused here, without a database.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Instant, Random } from '../world.ts'

/** MAC keys of a project by number; `current` mints, every key of the ring verifies. */
export type MacRing = { current: number; keys: ReadonlyMap<number, Buffer> }

const version = 1
const kinds = { session: 1, refresh_token: 2, access_token: 3, app_session: 4 } as const
type Kind = keyof typeof kinds
const macLength = 16

/** A credential whose MAC held. `id` is the row's key and public id (16 bytes). */
export type Credential =
  | { kind: 'session'; id: Buffer }
  | { kind: 'app_session'; id: Buffer }
  | { kind: 'refresh_token'; id: Buffer; generation: number; keyId: number; secret: Buffer }
  | { kind: 'access_token'; id: Buffer; generation: number; tokenId: string; expiresAt: Instant }

/** The row's key: the first 16 bytes of SHA-256 over kind, project and secret. The secret itself is stored nowhere. */
function publicId(kind: Kind, projectId: string, secret: Buffer): Buffer {
  return createHash('sha256')
    .update(Buffer.of(kinds[kind]))
    .update(`${projectId}\0`)
    .update(secret)
    .digest()
    .subarray(0, 16)
}

function mac(key: Buffer, projectId: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(body).update(projectId).digest().subarray(0, macLength)
}

function seal(ring: MacRing, projectId: string, keyId: number, kind: Kind, body: Buffer): string {
  const key = ring.keys.get(keyId)
  if (key === undefined) throw new Error(`MAC key ${keyId} is not in the ring`)
  const head = Buffer.concat([Buffer.of((version << 4) | kinds[kind], keyId), body])
  return Buffer.concat([head, mac(key, projectId, head)]).toString('base64url')
}

/** A new browser session or app session cookie: 46 characters, and the id under which its row is kept. */
export function mintCookie(
  kind: 'session' | 'app_session',
  from: { ring: MacRing; projectId: string; random: Random },
): { token: string; id: Buffer } {
  const secret = from.random(16)
  return {
    token: seal(from.ring, from.projectId, from.ring.current, kind, secret),
    id: publicId(kind, from.projectId, secret),
  }
}

/** A secret for a new grant, and the grant's id. */
export function newGrantSecret(projectId: string, random: Random): { secret: Buffer; id: Buffer } {
  const secret = random(16)
  return { secret, id: publicId('refresh_token', projectId, secret) }
}

/** The refresh token of a generation, 51 characters: the same from every node, since nothing in it is drawn. */
export function refreshToken(
  grant: { secret: Buffer; generation: number; keyId: number },
  from: { ring: MacRing; projectId: string },
): string {
  const body = Buffer.alloc(20)
  grant.secret.copy(body)
  body.writeUInt32BE(grant.generation, 16)
  return seal(from.ring, from.projectId, grant.keyId, 'refresh_token', body)
}

/** An opaque access token, 64 characters, and its token id (35 characters; `jti` of a JWT has the same form). */
export function mintAccessToken(
  grant: { id: Buffer; generation: number; expiresAt: Instant },
  from: { ring: MacRing; projectId: string; random: Random },
): { token: string; tokenId: string } {
  const body = Buffer.alloc(30)
  grant.id.copy(body)
  body.writeUInt32BE(grant.generation, 16)
  from.random(6).copy(body, 20)
  body.writeUInt32BE(Math.floor(grant.expiresAt.getTime() / 1000), 26)
  return {
    token: seal(from.ring, from.projectId, from.ring.current, 'access_token', body),
    tokenId: body.subarray(0, 26).toString('base64url'),
  }
}

/** A token id for a JWT access token: grant, generation and chance. */
export function newTokenId(grant: { id: Buffer; generation: number }, random: Random): string {
  const body = Buffer.alloc(26)
  grant.id.copy(body)
  body.writeUInt32BE(grant.generation, 16)
  random(6).copy(body, 20)
  return body.toString('base64url')
}

/** Grant and generation named by a token id, or undefined when it is none of ours. */
export function readTokenId(tokenId: string): { id: Buffer; generation: number } | undefined {
  if (!/^[A-Za-z0-9_-]{35}$/.test(tokenId)) return undefined
  const bytes = Buffer.from(tokenId, 'base64url')
  return { id: bytes.subarray(0, 16), generation: bytes.readUInt32BE(16) }
}

const lengths: Record<number, Kind> = { 46: 'session', 51: 'refresh_token', 64: 'access_token' }

/**
 * Reads a presented credential. Garbage, another project's or another kind's credential, and forgeries give undefined;
 * expiry is left to the caller.
 */
export function readCredential(text: string, from: { ring: MacRing; projectId: string }): Credential | undefined {
  if (lengths[text.length] === undefined || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // One spelling only: trailing bits of the last character must be zero, or a cache key would have twins.
  if (bytes.toString('base64url') !== text) return undefined
  const head = bytes.subarray(0, bytes.length - macLength)
  const keyId = head[1] ?? 0
  const key = from.ring.keys.get(keyId)
  if (key === undefined) return undefined
  if (!timingSafeEqual(mac(key, from.projectId, head), bytes.subarray(head.length))) return undefined
  const body = head.subarray(2)
  switch (head[0]) {
    case (version << 4) | kinds.session:
      return body.length === 16 ? { kind: 'session', id: publicId('session', from.projectId, body) } : undefined
    case (version << 4) | kinds.app_session:
      return body.length === 16 ? { kind: 'app_session', id: publicId('app_session', from.projectId, body) } : undefined
    case (version << 4) | kinds.refresh_token: {
      if (body.length !== 20) return undefined
      const secret = body.subarray(0, 16)
      const id = publicId('refresh_token', from.projectId, secret)
      return { kind: 'refresh_token', id, generation: body.readUInt32BE(16), keyId, secret }
    }
    case (version << 4) | kinds.access_token:
      if (body.length !== 30) return undefined
      return {
        kind: 'access_token',
        id: body.subarray(0, 16),
        generation: body.readUInt32BE(16),
        tokenId: body.subarray(0, 26).toString('base64url'),
        expiresAt: new Date(body.readUInt32BE(26) * 1000),
      }
    default:
      return undefined
  }
}

/** `sid` of tokens (wire contract §3.6): base64url of the kind and the public id. */
export function sid(kind: 'idp' | 'offline_grant', id: Buffer): string {
  return Buffer.from(`${kind}:${id.toString('base64url')}`).toString('base64url')
}

/** What a `sid` names, or undefined when it is malformed. */
export function readSid(text: string): { kind: 'idp' | 'offline_grant'; id: Buffer } | undefined {
  const match = /^(idp|offline_grant):([A-Za-z0-9_-]{22})$/.exec(Buffer.from(text, 'base64url').toString())
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return { kind: match[1] as 'idp' | 'offline_grant', id: Buffer.from(match[2], 'base64url') }
}
