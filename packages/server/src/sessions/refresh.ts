// A refresh token for a new generation. Everything is checked before anything changes; only a copy that is abroad ends
// the family.

import type { ClientConfig } from '../config/schema.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import type { UserFacts } from '../users/facts.ts'
import { barred } from '../users/status.ts'
import type { World } from '../world.ts'
import { readCredential, refreshToken } from './credential.ts'
import { endSession } from './end.ts'
import { rotation } from './rotation.ts'
import { aliveBounds, browserLifetimes, grantLifetimes, ignoresKey, isAlive, rotationMode } from './session.ts'
import { type FoundGrant, findGrant, type MovedGrant, moveGeneration, noteIssued } from './store.ts'

export type RefreshRequest = {
  token: string
  client: ClientConfig
  /** Thumbprint of the DPoP proof that came along, already checked; null without one. */
  jkt: string | null
  ip: string
  userAgent: string
  /** Given only when the request carried `x_device_info`. */
  deviceInfo: object | undefined
  jwtExpiresAt: Date | null
}

/** `refreshToken` is present when the client must store a new one. `generation` is what new access tokens belong to. */
export type RefreshResult = { grant: MovedGrant; user: UserFacts; generation: number; refreshToken?: string }

const invalid = (detail: string) => oauthRefusal('invalid_grant', 'invalid refresh token', { detail })

/**
 * RFC 6749 §6 with rotation by D4 and D5. One statement when the token is current, three when it is a repeat.
 * @throws Refusal `invalid_grant` (final: the session is over or the token is not the client's),
 *   `invalid_dpop_proof` (the grant is bound to another key), or 503.
 */
export async function refresh(world: World, project: Project, request: RefreshRequest): Promise<RefreshResult> {
  const scope = scopeOf(world.db, project)
  const { client } = request
  const credential = readCredential(request.token, { ring: project.ring, projectId: project.id })
  if (credential?.kind !== 'refresh_token') throw invalid('not a refresh token of this project')

  const minted = (generation: number, keyId: number) =>
    refreshToken({ secret: credential.secret, generation, keyId }, { ring: project.ring, projectId: project.id })

  // A racer may move the generation between our miss and our read; then the read says "rotate", and we try again.
  for (let attempt = 0; attempt < 3; attempt++) {
    const now = world.clock.now()
    const moved = await moveGeneration(scope, {
      id: credential.id,
      clientId: client.client_id,
      presented: credential.generation,
      rotation: rotationMode(client),
      keyId: project.ring.current,
      jkt: request.jkt,
      ignoresKey: ignoresKey(client),
      bindsKey: client.dpop_bound_access_tokens,
      bounds: aliveBounds(grantLifetimes(client, true), now),
      parentBounds: aliveBounds(browserLifetimes(project.config.session), now),
      now,
      ip: request.ip,
      userAgent: request.userAgent,
      deviceInfo: request.deviceInfo,
      jwtExpiresAt: request.jwtExpiresAt,
    })
    if (moved !== undefined) {
      const { grant, user } = moved
      const rotated = grant.generation > credential.generation
      return {
        grant,
        user,
        generation: grant.generation,
        ...(rotated ? { refreshToken: minted(grant.generation, grant.key_ids[0] ?? project.ring.current) } : {}),
      }
    }
    const found = await findGrant(scope, credential.id)
    assertUsable(found, project, request, now)
    const verdict = rotation(
      credential.generation,
      {
        generation: found.grant.generation,
        seenGeneration: found.grant.seen_generation,
        rotatedAt: found.grant.rotated_at,
      },
      now,
    )
    if (verdict.kind === 'repeat') {
      if (!(await noteIssued(scope, credential.id, request.jwtExpiresAt))) throw invalid('the grant has just ended')
      const keyId = found.grant.key_ids[found.grant.generation - verdict.successor] ?? project.ring.current
      return { ...found, generation: verdict.successor, refreshToken: minted(verdict.successor, keyId) }
    }
    if (verdict.kind === 'reuse') {
      await endSession(
        world,
        project,
        { kind: 'offline_grant', id: found.grant.id },
        { event: 'session.reuse_detected', reason: 'refresh token reuse' },
      )
      throw invalid('a superseded refresh token came back: the family was ended')
    }
  }
  throw oauthRefusal('temporarily_unavailable', 'too many requests refresh this session at once', {
    oauthStatus: 503,
    name: 'ServiceUnavailable',
    retryAfter: 1,
  })
}

/** The same checks as the statement's, one by one, to say which failed. */
function assertUsable(
  found: FoundGrant | undefined,
  project: Project,
  request: RefreshRequest,
  now: Date,
): asserts found is FoundGrant {
  if (found === undefined || !found.grant.has_refresh_token) throw invalid('no such grant')
  const { grant, parent, user } = found
  if (grant.client_id !== request.client.client_id) throw invalid('the grant belongs to another client')
  if (grant.dpop_jkt !== null && grant.dpop_jkt !== request.jkt && !ignoresKey(request.client))
    throw oauthRefusal('invalid_dpop_proof', 'the refresh token is bound to another DPoP key')
  if (!isAlive(grant, grantLifetimes(request.client, true), now))
    throw invalid(grant.end_reason ?? 'the grant has expired')
  if (grant.sso && (parent === null || !isAlive(parent, browserLifetimes(project.config.session), now)))
    throw invalid('the browser session has ended')
  const bar = barred(user, now)
  if (bar !== undefined) throw invalid(bar.reason)
}
