// RFC 6749 §4.1.3 with PKCE. The code is spent in the statement that makes the grant; its reuse ends what it made.
import { v7 as uuidv7 } from 'uuid'
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { newGrantSecret, refreshToken } from '../../sessions/credential.ts'
import { announceEnded, endAccessToken, endEarlierGrants } from '../../sessions/end.ts'
import { browserLifetimes, grantLifetimes, ignoresKey, isAlive } from '../../sessions/session.ts'
import { endNodes, findGrant, insertGrant } from '../../sessions/store.ts'
import { inTransaction } from '../../storage/database.ts'
import { barred } from '../../users/status.ts'
import { acrOf, acrWanted } from '../acr.ts'
import { presentedKey } from '../app2app_key.ts'
import { isPublic } from '../clients.ts'
import { type CodeRequest, type FoundCode, findCode, spendForGrant, spendForReauthentication } from '../codes.ts'
import { parseDeviceInfo } from '../device_info.ts'
import { deviceSecretFor } from '../device_secret.ts'
import type { GrantType, TokenRequest } from '../grants.ts'
import { accessExpiry, drawTokenChance, type Issue, jwtExpiry, tokenIdOf, tokenResponse } from '../issue.ts'
import { verifierMatches } from '../pkce.ts'
import { boundKey } from '../proof.ts'
import { sameRedirectUri } from '../redirect_uri.ts'

const invalidGrant = (detail: string, guess = false) =>
  oauthRefusal('invalid_grant', 'invalid authorization code', { detail, guess })

/** Everything that a code is bound to, checked before it is spent. @throws Refusal. */
export function checkCode(code: FoundCode | undefined, request: TokenRequest): asserts code is FoundCode {
  const { form, client, node } = request
  const now = node.world.clock.now()
  if (code === undefined) throw invalidGrant('unknown', true)
  if (code.client_id !== client.client_id) throw invalidGrant('issued to another client')
  const uri = form.get('redirect_uri')
  if (uri === undefined || !sameRedirectUri(uri, code.redirect_uri))
    throw oauthRefusal('invalid_grant', 'invalid redirect URI')
  const verifier = form.get('code_verifier')
  if (code.code_challenge !== null) {
    if (verifier === undefined || !verifierMatches(verifier, code.code_challenge)) throw invalidGrant('PKCE')
  } else if (isPublic(client) || verifier !== undefined) throw invalidGrant('no challenge was sent')
  if (code.dpop_jkt !== null && code.dpop_jkt !== boundKey(request.proof))
    throw oauthRefusal('invalid_dpop_proof', 'the code is bound to another DPoP key')
  if (code.used_at === null && now >= code.expires_at) throw invalidGrant('expired')
}

/** RFC 6749 §4.1.2: a code that comes back has been copied. What it made ends; the person stays signed in. */
async function endWhatItMade({ node, project, client }: TokenRequest, code: FoundCode): Promise<never> {
  const { world } = node
  const { grant_id: grantId } = code
  if (grantId !== null && code.token_id !== null && code.token_expires_at !== null)
    await endAccessToken(world, project, {
      id: code.token_id,
      grantId,
      expiresAt: code.token_expires_at,
      jwt: client.issue_jwt_access_token,
    })
  else if (grantId !== null)
    await inTransaction(scopeOf(world.db, project), async (tx) => {
      const [at, reason] = [world.clock.now(), 'authorization code reuse']
      const ended = await endNodes(tx, { userId: code.user_id, idpSessions: [], grants: [grantId] }, { at, reason })
      await announceEnded(tx, ended, { event: 'session.reuse_detected', reason }, at)
    })
  throw invalidGrant('used before')
}

/** What the ID token answers of the request. */
function answersOf(code: FoundCode): Pick<Issue, 'nonce' | 'acr' | 'named'> {
  const request = code.request as CodeRequest
  const wanted = acrWanted(request)
  return {
    nonce: code.nonce ?? undefined,
    acr: wanted && acrOf(code.amr, wanted.values),
    named: request.claims?.id_token,
  }
}

export const authorizationCode: GrantType = {
  type: 'authorization_code',
  async exchange(request) {
    const { node, project, client, form, caller } = request
    const { world } = node
    const text = form.get('code')
    if (text === undefined) throw oauthRefusal('invalid_request', 'code is required')
    if (isPublic(client) && form.get('code_verifier') === undefined)
      throw oauthRefusal('invalid_request', 'code_verifier is required')
    const deviceInfo = parseDeviceInfo(form.get('x_device_info'))
    const scope = scopeOf(world.db, project)
    const code = await findCode(scope, text, 'code')
    checkCode(code, request)
    if (code.used_at !== null) return endWhatItMade(request, code)
    const app2appKey = (await presentedKey(request)) ?? null
    if (code.refreshed_grant_id !== null) return reauthenticated(request, text, code, code.refreshed_grant_id)

    const now = world.clock.now()
    const { secret, id } = newGrantSecret(project.id, world.random)
    const device = deviceSecretFor(code.scopes, world.random)
    const hasRefreshToken = code.scopes.includes('offline_access')
    const jkt = boundKey(request.proof)
    const keyId = project.ring.current
    const user = await insertGrant(
      scope,
      {
        id,
        kind: 'code',
        userId: code.user_id,
        clientId: client.client_id,
        authorizationId: code.authorization_id,
        idpSessionId: code.idp_session_id,
        sso: code.sso,
        origin: code.origin,
        scopes: code.scopes,
        authTime: code.auth_time,
        amr: code.amr,
        ip: caller.ip,
        userAgent: caller.userAgent,
        deviceInfo: deviceInfo ?? null,
        userinfoClaims: (code.request as CodeRequest).claims?.userinfo ?? null,
        hasRefreshToken,
        keyId,
        jwtExpiresAt: jwtExpiry(client, now),
        dpopJkt: jkt,
        keyHolder: null,
        app2appKey,
        deviceSecret: device?.id ?? null,
        now,
      },
      {
        id: uuidv7(),
        payload: JSON.stringify({
          user_id: code.user_id,
          grant_id: id.toString('base64url'),
          client_id: client.client_id,
        }),
      },
      { spend: spendForGrant, id: code.id },
    )
    if (user === undefined) return refused(request, text)
    if (client.x_max_concurrent_session === 1) await endEarlierGrants(world, project, { userId: user.id, kept: id })
    return tokenResponse(world, project, client, {
      holder: { id, generation: 0, scopes: code.scopes, auth_time: code.auth_time, amr: code.amr, origin: code.origin },
      user,
      now,
      jkt,
      ...answersOf(code),
      deviceSecret: device?.secret,
      dsHash: device?.dsHash,
      refreshToken: hasRefreshToken
        ? refreshToken({ secret, generation: 0, keyId }, { ring: project.ring, projectId: project.id })
        : undefined,
    })
  },
}

/** Why nothing was made: somebody else was quicker with the same code, or what it leads to is gone. */
async function refused(request: TokenRequest, text: string): Promise<never> {
  const code = await findCode(scopeOf(request.node.world.db, request.project), text, 'code')
  if (code !== undefined && code.used_at !== null) return endWhatItMade(request, code)
  throw invalidGrant('the user, the browser session or the authorization is gone')
}

/** The person proved themselves again: the same grant goes on, with a newer `auth_time`. */
async function reauthenticated(
  request: TokenRequest,
  text: string,
  code: FoundCode,
  grantId: Buffer,
): Promise<Record<string, unknown>> {
  const { node, project, client } = request
  const { world } = node
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const found = await findGrant(scope, grantId)
  const good =
    found !== undefined &&
    found.grant.client_id === client.client_id &&
    found.grant.user_id === code.user_id &&
    barred(found.user, now) === undefined &&
    isAlive(found.grant, grantLifetimes(client, found.grant.has_refresh_token), now) &&
    (!found.grant.sso ||
      (found.parent !== null && isAlive(found.parent, browserLifetimes(project.config.session), now)))
  if (!good) throw invalidGrant('the session that was to go on is gone')
  const jkt = boundKey(request.proof)
  if (found.grant.dpop_jkt !== null && found.grant.dpop_jkt !== jkt && !ignoresKey(client))
    throw oauthRefusal('invalid_dpop_proof', 'the session is bound to another DPoP key')
  const holder = { ...found.grant, scopes: code.scopes, auth_time: code.auth_time, amr: code.amr }
  const chance = drawTokenChance(world.random)
  const made = {
    grantId,
    tokenId: tokenIdOf(holder, chance),
    tokenExpiresAt: accessExpiry(client, now),
    jwtExpiresAt: jwtExpiry(client, now),
  }
  if (!(await spendForReauthentication(scope, code, made, now))) return refused(request, text)
  return tokenResponse(world, project, client, { holder, user: found.user, now, jkt, chance, ...answersOf(code) })
}
