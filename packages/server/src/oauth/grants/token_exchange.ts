// RFC 8693 as far as pre-authenticated URLs need it: a native app's session, shown by ID token and device secret, earns a
// one-time token that signs its user in to a web app of the same house (wire contract §2.5, §2.3).
import { verifyOwnJwt } from '../../keys/verify.ts'
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { readSid } from '../../sessions/credential.ts'
import { ignoresKey } from '../../sessions/session.ts'
import { replaceDeviceSecret } from '../../sessions/store.ts'
import { hasFullAccess } from '../clients.ts'
import { deviceSecretFor, dsHashOf, isDeviceSecretOf } from '../device_secret.ts'
import type { GrantType, TokenRequest } from '../grants.ts'
import { idToken } from '../issue.ts'
import { insertOneTimeToken } from '../one_time.ts'
import { liveGrant } from '../presented_grant.ts'
import { boundKey } from '../proof.ts'
import { parseScope, preAuthenticatedUrl } from '../scopes.ts'

const urlToken = 'urn:authgear:params:oauth:token-type:pre-authenticated-url-token'

export const tokenExchange: GrantType = {
  type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  async exchange(request) {
    const { node, project, client, form, proof } = request
    const { world } = node
    checkTypes(request)
    if (!hasFullAccess(client) || !client.x_pre_authenticated_url_enabled)
      throw oauthRefusal('unauthorized_client', 'this client may not be opened by a pre-authenticated URL')
    const secret = form.get('actor_token') ?? ''
    const { claims } = verifyOwnJwt(form.get('subject_token') ?? '', project.signingKeys) ?? {}
    const named = typeof claims?.sid === 'string' ? readSid(claims.sid) : undefined
    const invalid = (why: string) => oauthRefusal('invalid_grant', why)
    if (named?.kind !== 'offline_grant') throw invalid('subject_token names no session of an app')
    const found = await liveGrant(world, project, named.id)
    if (found === undefined || found.user.id !== claims?.sub) throw invalid('the session has ended')
    const { grant, user } = found
    if (claims?.ds_hash !== dsHashOf(secret) || !isDeviceSecretOf(secret, grant))
      throw invalid('the device secret is not that of the session')
    const owner = project.clients.get(grant.client_id)
    if (owner === undefined) throw invalid('the session has ended')
    if (grant.dpop_jkt !== null && !ignoresKey(owner) && boundKey(proof) !== grant.dpop_jkt)
      throw oauthRefusal('invalid_dpop_proof', 'the session is bound to another DPoP key')
    if (!grant.scopes.includes(preAuthenticatedUrl))
      throw oauthRefusal('insufficient_scope', 'the session may not make pre-authenticated URLs')
    const scopes = scopesFor(form.get('scope'), grant.scopes)

    const now = world.clock.now()
    const scope = scopeOf(world.db, project)
    const made = deviceSecretFor(grant.scopes, world.random)
    await replaceDeviceSecret(scope, grant.id, made)
    const data = { grant_id: grant.id.toString('base64url'), client_id: client.client_id, scopes }
    const { token } = await insertOneTimeToken(scope, 'pre_authenticated_url', data, { random: world.random, now })
    return {
      token_type: 'Bearer',
      issued_token_type: urlToken,
      access_token: token,
      expires_in: 300,
      ...(made === undefined ? {} : { device_secret: made.secret }),
      id_token: await idToken(project, owner, { holder: grant, user, now, dsHash: made?.dsHash }),
    }
  },
}

function checkTypes({ form, project }: TokenRequest): void {
  const expected: Record<string, string> = {
    requested_token_type: urlToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    actor_token_type: 'urn:x-oath:params:oauth:token-type:device-secret',
  }
  for (const [name, value] of Object.entries(expected))
    if (form.get(name) !== value) throw oauthRefusal('invalid_request', `${name} must be ${value}`)
  if (!project.origins.some((origin) => origin.origin === form.get('audience')))
    throw oauthRefusal('invalid_request', 'audience must be the origin of this server')
}

/** What the web app's token may do: what was asked, within the session's; never a refresh token's work. */
function scopesFor(asked: string | undefined, granted: readonly string[]): string[] {
  const scopes = parseScope(asked ?? '')
  if (scopes.length === 0) return granted.filter((scope) => scope !== 'offline_access' && scope !== 'device_sso')
  if (!scopes.every((scope) => granted.includes(scope)))
    throw oauthRefusal('invalid_scope', 'more scope than the session has')
  return scopes
}
