// Session and client → tokens (RFC 6749 §5.1, RFC 9068, OpenID Core §2).
import { createHash } from 'node:crypto'
import type { ClientConfig } from '../config/schema.ts'
import { signingKey, signJwt } from '../keys/sign.ts'
import type { Project } from '../projects/find.ts'
import { mintAccessToken, newTokenId, sid } from '../sessions/credential.ts'
import type { UserFacts } from '../users/facts.ts'
import { after, type Instant, type Random, type World } from '../world.ts'
import { tokenAttributes, userClaims } from './claims.ts'

const idTokenLifetime = 300

/** The grant that tokens speak for, or a browser session for an ID token alone. */
export type Holder = {
  sessionKind?: 'idp'
  id: Buffer
  generation: number
  scopes: readonly string[]
  auth_time: Date
  amr: readonly string[]
  /** The issuer: the origin on which the session was made. */
  origin: string
}

export type TokenResponse = {
  token_type: 'Bearer' | 'DPoP'
  access_token: string
  expires_in: number
  refresh_token?: string
  id_token?: string
  device_secret?: string
  /** Only when it is less than what was granted (RFC 6749 §5.1). */
  scope?: string
}

export function accessExpiry(client: ClientConfig, now: Instant): Instant {
  return after(now, client.access_token_lifetime_seconds)
}

/** Until when a backend may take this client's next access token on its own authority; null when it cannot: it is opaque. */
export function jwtExpiry(client: ClientConfig, now: Instant, narrowed = false): Instant | null {
  return client.issue_jwt_access_token || client.dpop_bound_access_tokens || narrowed ? accessExpiry(client, now) : null
}

const seconds = (date: Date) => Math.floor(date.getTime() / 1000)

/** What makes an access token unlike any other of its grant; drawn first where the token must be known before it is made. */
export type TokenChance = Buffer
export const drawTokenChance = (random: Random): TokenChance => random(6)
export const tokenIdOf = (holder: Pick<Holder, 'id' | 'generation'>, chance: TokenChance): string =>
  newTokenId(holder, () => chance)

export type Issue = {
  holder: Holder
  user: UserFacts
  now: Instant
  /** Key of the DPoP proof, when the access token is to be bound to it. */
  jkt: string | null
  /** Less than the grant's scopes. */
  narrowed?: boolean
  chance?: TokenChance
  nonce?: string | undefined
  acr?: string | undefined
  /** Claims that the request names for the ID token (OpenID Core §5.5). */
  named?: Record<string, unknown> | undefined
  refreshToken?: string | undefined
  deviceSecret?: string | undefined
  dsHash?: string | undefined
}

/**
 * A JWT (RFC 9068) when the client has them, else an opaque token. What an opaque one cannot say, fewer scopes or the key
 * that it is bound to, makes it a JWT whatever the client has.
 */
export async function accessToken(
  world: World,
  project: Project,
  client: ClientConfig,
  token: Issue & { expiresAt: Instant },
): Promise<string> {
  const { holder, user, now, expiresAt } = token
  const chance = token.chance ?? drawTokenChance(world.random)
  if (!client.issue_jwt_access_token && !token.narrowed && token.jkt === null)
    return mintAccessToken(
      { id: holder.id, generation: holder.generation, expiresAt },
      { ring: project.ring, projectId: project.id, random: () => chance },
    ).token
  const key = signingKey(project.signingKeys, client.id_token_signed_response_alg, now)
  return signJwt(
    key,
    { typ: 'at+jwt' },
    {
      ...tokenAttributes(user, project.config, client, holder.scopes, undefined),
      iss: holder.origin,
      aud: [holder.origin],
      iat: seconds(now),
      exp: seconds(expiresAt),
      jti: tokenIdOf(holder, chance),
      sid: sid('offline_grant', holder.id),
      client_id: client.client_id,
      scope: holder.scopes.join(' '),
      auth_time: seconds(holder.auth_time),
      ...(holder.amr.length > 0 ? { amr: holder.amr } : {}),
      ...(token.jkt !== null ? { cnf: { jkt: token.jkt } } : {}),
      ...userClaims(user, project.config),
    },
  )
}

/** An ID token of five minutes; `access` is the access token that goes out beside it, if any. */
export function idToken(
  project: Project,
  client: ClientConfig,
  token: Pick<Issue, 'holder' | 'user' | 'now' | 'nonce' | 'acr' | 'named' | 'dsHash'>,
  access?: string,
): Promise<string> {
  const { holder, user, now } = token
  const key = signingKey(project.signingKeys, client.id_token_signed_response_alg, now)
  return signJwt(
    key,
    { typ: 'JWT' },
    {
      ...tokenAttributes(user, project.config, client, holder.scopes, token.named),
      iss: holder.origin,
      aud: [client.client_id],
      iat: seconds(now),
      exp: seconds(now) + idTokenLifetime,
      auth_time: seconds(holder.auth_time),
      ...(holder.amr.length > 0 ? { amr: holder.amr } : {}),
      ...(token.acr !== undefined ? { acr: token.acr } : {}),
      sid: sid(holder.sessionKind ?? 'offline_grant', holder.id),
      ...(token.nonce !== undefined ? { nonce: token.nonce } : {}),
      ...(access !== undefined
        ? { at_hash: createHash('sha256').update(access).digest().subarray(0, 16).toString('base64url') }
        : {}),
      ...(token.dsHash !== undefined ? { ds_hash: token.dsHash } : {}),
      ...userClaims(user, project.config),
    },
  )
}

/** Access and ID token for a grant; `refreshToken` and `deviceSecret` are passed through when there is a new one. */
export async function tokenResponse(
  world: World,
  project: Project,
  client: ClientConfig,
  issue: Issue,
): Promise<TokenResponse> {
  const { now, holder } = issue
  const expiresAt = accessExpiry(client, now)
  const jkt = client.dpop_bound_access_tokens ? issue.jkt : null
  const access_token = await accessToken(world, project, client, { ...issue, expiresAt, jkt })
  const id_token = holder.scopes.includes('openid') ? await idToken(project, client, issue, access_token) : undefined
  return {
    token_type: jkt === null ? 'Bearer' : 'DPoP',
    access_token,
    expires_in: client.access_token_lifetime_seconds,
    ...(id_token !== undefined ? { id_token } : {}),
    ...(issue.refreshToken !== undefined ? { refresh_token: issue.refreshToken } : {}),
    ...(issue.deviceSecret !== undefined ? { device_secret: issue.deviceSecret } : {}),
    ...(issue.narrowed ? { scope: holder.scopes.join(' ') } : {}),
  }
}
