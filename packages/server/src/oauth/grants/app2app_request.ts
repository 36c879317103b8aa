// One app of a device signs another one in: the approving app's session and key earn a code for the requesting app.
import { readKeyRequest } from '../../identities/key_request.ts'
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { ignoresKey } from '../../sessions/session.ts'
import { inTransaction } from '../../storage/database.ts'
import type { App2AppKey } from '../app2app_key.ts'
import { hasFullAccess } from '../clients.ts'
import { authorize, insertCode } from '../codes.ts'
import type { GrantType } from '../grants.ts'
import { takeOneTimeToken } from '../one_time.ts'
import { isChallenge } from '../pkce.ts'
import { grantOfRefreshToken } from '../presented_grant.ts'
import { boundKey } from '../proof.ts'
import { redirectAllowed } from '../redirect_uri.ts'
import { fullAccess } from '../scopes.ts'
import { defaultScopes } from '../start_grant.ts'

const invalidRequest = (why: string) => oauthRefusal('invalid_request', why)

export const app2appRequest: GrantType = {
  type: 'urn:authgear:params:oauth:grant-type:app2app-request',
  async exchange({ node, project, origin, client, form, proof }) {
    const { world } = node
    // `client` asks for the code; who approves is named by the refresh token.
    if (!hasFullAccess(client))
      throw oauthRefusal('unauthorized_client', 'this client may not be signed in by another app')
    const redirectUri = form.get('redirect_uri') ?? ''
    if (!redirectAllowed(redirectUri, client, project.origins)) throw invalidRequest('redirect URI is not allowed')
    const challenge = form.get('code_challenge') ?? ''
    if (!isChallenge(challenge) || form.get('code_challenge_method') !== 'S256')
      throw invalidRequest('an S256 code challenge is required')
    const now = world.clock.now()
    const request = readKeyRequest(form.get('jwt') ?? '', { type: 'app2app', actions: ['setup'] }, now)
    if (request === undefined) throw invalidRequest('jwt is not an app2app request')

    const found = await grantOfRefreshToken(world, project, form.get('refresh_token') ?? '')
    if (found === undefined) throw oauthRefusal('invalid_grant', 'invalid refresh token')
    const { grant } = found
    const approving = project.clients.get(grant.client_id)
    if (!approving?.x_app2app_enabled || !grant.scopes.includes(fullAccess))
      throw oauthRefusal('unauthorized_client', 'app2app is off for the approving client')
    if (grant.dpop_jkt !== null && !ignoresKey(approving) && boundKey(proof) !== grant.dpop_jkt)
      throw oauthRefusal('invalid_dpop_proof', 'the session is bound to another DPoP key')
    const key = grant.app2app_key as App2AppKey | null
    if (key === null) throw oauthRefusal('invalid_grant', 'the session has no bound device key')
    if (key.kid !== request.keyId || !request.signedBy(key.jwk))
      throw invalidRequest('jwt is not signed by the device key of the session')
    const scope = scopeOf(world.db, project)
    const spent = await takeOneTimeToken(scope, 'challenge', request.challenge, now)
    if (spent?.purpose !== 'app2app_request') throw invalidRequest('the challenge is unknown, used or too old')

    const code = await inTransaction(scope, async (tx) => {
      const record = { userId: grant.user_id, clientId: client.client_id, scopes: defaultScopes }
      const authorizationId = await authorize(tx, record, now)
      return insertCode(
        tx,
        {
          ...record,
          kind: 'code',
          redirectUri,
          origin: origin.origin,
          authorizationId,
          idpSessionId: grant.sso ? grant.idp_session_id : null,
          sso: grant.sso,
          refreshedGrantId: null,
          nonce: null,
          codeChallenge: challenge,
          dpopJkt: null,
          authTime: grant.auth_time,
          amr: grant.amr,
          request: {},
        },
        { random: world.random, now },
      )
    })
    return { code }
  },
}
