// From who signed in to what the client gets: consent, the code, and the way back.
import { at, type Ctx } from '../http/context.ts'
import { scopeOf } from '../projects/find.ts'
import { findGrant } from '../sessions/store.ts'
import { inTransaction } from '../storage/database.ts'
import { findUser } from '../users/store.ts'
import type { Instant } from '../world.ts'
import { acrOf, acrWanted } from './acr.ts'
import type { ReturnAddress } from './authorize.ts'
import { scopesOfClaims } from './claims.ts'
import { isThirdParty } from './clients.ts'
import { authorize, authorizedScopes, insertCode } from './codes.ts'
import { hintMeans } from './login_hint.ts'
import type { OAuthRequest } from './request.ts'
import { answerPushed } from './requests.ts'
import { answer } from './respond.ts'

/** Who signed in, how and when. */
export type Signed = {
  userId: string
  idpSessionId: Buffer | null
  /** The grant that a re-authentication renewed. */
  grantId: Buffer | null
  authTime: Instant
  amr: readonly string[]
}

export function addressOf(request: OAuthRequest): ReturnAddress {
  const { redirectUri, responseMode, state, clientId, origin } = request
  return { redirectUri, responseMode, clientId, issuer: origin, ...(state !== undefined ? { state } : {}) }
}

/** What the person has to allow: the scopes, and those that cover the claims asked for by name. */
export function scopesToAllow(request: OAuthRequest): string[] {
  return [...new Set([...request.scopes, ...scopesOfClaims(request.claims)])]
}

/** Whether the person must be asked: third parties need every scope allowed once, and `prompt=consent` asks again. */
export async function needsConsent(c: Ctx, request: OAuthRequest, userId: string): Promise<boolean> {
  const { world, project } = at(c)
  const client = project.clients.get(request.clientId)
  if (client === undefined || !isThirdParty(client)) return false
  if (request.prompt.includes('consent')) return true
  const allowed = await authorizedScopes(scopeOf(world.db, project), userId, request.clientId)
  return !scopesToAllow(request).every((scope) => allowed?.includes(scope))
}

type Shortcoming = { error: string; description: string }

/** Why a sign-in does not answer the request, however it came about; undefined when it does. */
export async function shortcoming(
  c: Ctx,
  request: OAuthRequest,
  signed: Signed,
  requestedAt: Instant,
): Promise<Shortcoming | undefined> {
  const { loginHint } = request
  if (loginHint?.type === 'login_id' && loginHint.enforce) {
    const user = await findUser(scopeOf(at(c).world.db, at(c).project), signed.userId)
    const loginIds = user?.identities.map((identity) => identity.login_id) ?? []
    if (!hintMeans(loginHint, loginIds))
      return { error: 'login_required', description: 'somebody else is signed in than login_hint wants' }
  }
  return visibleShortcoming(request, signed, requestedAt)
}

/** The wrong user, too old (OpenID Core §3.1.2.1), or without the means that the request calls essential. */
function visibleShortcoming(request: OAuthRequest, signed: Signed, requestedAt: Instant): Shortcoming | undefined {
  const named = request.claims?.id_token?.sub as { value?: unknown } | null | undefined
  const wantedUser = request.hint?.sub ?? named?.value
  if (wantedUser !== undefined && wantedUser !== signed.userId)
    return { error: 'login_required', description: 'somebody else is signed in' }
  const age = (requestedAt.getTime() - signed.authTime.getTime()) / 1000
  if (age > (request.prompt.includes('login') ? 0 : (request.maxAge ?? Number.POSITIVE_INFINITY)))
    return { error: 'login_required', description: 'the sign-in is older than the request allows' }
  const acr = acrWanted(request)
  if (acr?.essential && !acr.values.includes(acrOf(signed.amr, acr.values) ?? ''))
    return {
      error: 'unmet_authentication_requirements',
      description: 'the sign-in does not reach the acr that is essential',
    }
  return undefined
}

/** Records the authorization, makes the code where one is asked for, and answers the client. */
export async function complete(c: Ctx, request: OAuthRequest, signed: Signed): Promise<Response> {
  const { world, project } = at(c)
  const now = world.clock.now()
  const { claims, acrValues, responseType } = request
  const refreshedGrantId = await ownGrant(c, request, signed)
  const code = await inTransaction(scopeOf(world.db, project), async (tx) => {
    if (request.pushed !== undefined && !(await answerPushed(tx, request.pushed))) return 'answered' as const
    const record = { userId: signed.userId, clientId: request.clientId, scopes: scopesToAllow(request) }
    const authorizationId = await authorize(tx, record, now)
    if (responseType === 'none') return undefined
    return insertCode(
      tx,
      {
        kind: responseType,
        clientId: request.clientId,
        redirectUri: request.redirectUri,
        origin: request.origin,
        userId: signed.userId,
        authorizationId,
        idpSessionId: signed.idpSessionId,
        sso: request.sso && signed.idpSessionId !== null,
        refreshedGrantId,
        scopes: request.scopes,
        nonce: request.nonce ?? null,
        codeChallenge: request.codeChallenge ?? null,
        dpopJkt: request.dpopJkt ?? null,
        authTime: signed.authTime,
        amr: signed.amr,
        request: { ...(claims !== undefined ? { claims } : {}), ...(acrValues !== undefined ? { acrValues } : {}) },
      },
      { random: world.random, now },
    )
  })
  if (code === 'answered')
    return answer(c, addressOf(request), {
      error: 'invalid_request',
      error_description: 'this pushed request has been answered already',
    })
  return answer(c, addressOf(request), { code })
}

/** The grant that goes on after a re-authentication: this client's own of this user, and no new refresh token asked for. */
async function ownGrant(c: Ctx, request: OAuthRequest, signed: Signed): Promise<Buffer | null> {
  const { world, project } = at(c)
  if (signed.grantId === null || request.responseType !== 'code' || request.scopes.includes('offline_access'))
    return null
  const found = await findGrant(scopeOf(world.db, project), signed.grantId)
  const own =
    found?.grant.client_id === request.clientId &&
    found.grant.user_id === signed.userId &&
    found.grant.ended_at === null
  return own ? signed.grantId : null
}
