// Anonymous users of native apps: a key pair on the device signs a challenge (wire contract §2.5).
import { readAnonymousRequest } from '../../identities/anonymous.ts'
import { findIdentity } from '../../identities/store.ts'
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal, Refusal } from '../../refusal.ts'
import { assertAnonymousAllowed, createAnonymousUser } from '../../users/anonymous.ts'
import { hasFullAccess } from '../clients.ts'
import { parseDeviceInfo } from '../device_info.ts'
import type { GrantType } from '../grants.ts'
import { takeOneTimeToken } from '../one_time.ts'
import { boundKey } from '../proof.ts'
import { defaultScopes, startGrant } from '../start_grant.ts'

const invalid = (detail: string) => oauthRefusal('invalid_grant', 'InvalidCredentials', { detail })

export const anonymousRequest: GrantType = {
  type: 'urn:authgear:params:oauth:grant-type:anonymous-request',
  async exchange({ node, project, origin, client, form, caller, proof }) {
    const { world } = node
    if (!hasFullAccess(client)) throw oauthRefusal('unauthorized_client', 'this client may not sign in anonymous users')
    assertAnonymousAllowed(project)
    const jwt = form.get('jwt')
    if (jwt === undefined) throw oauthRefusal('invalid_request', 'jwt is required')
    const deviceInfo = parseDeviceInfo(form.get('x_device_info'))
    const scope = scopeOf(world.db, project)
    const now = world.clock.now()
    const request = readAnonymousRequest(jwt, now)
    if (request?.action !== 'auth') throw invalid('not a request to sign in')
    const { keyId } = request
    const known = await findIdentity(scope, 'anonymous', request.keyId)
    const key = (known?.data.key as Record<string, unknown> | undefined) ?? request.key
    // The enclosed key proves its possession too: a stranger's public key is no credential (§8, 9).
    if (key === undefined || !request.signedBy(key)) throw invalid('the signature does not hold')
    const challenge = await takeOneTimeToken(scope, 'challenge', request.challenge, now)
    if (challenge?.purpose !== 'anonymous_request') throw invalid('the challenge is unknown, used or too old')
    const userId =
      known?.user_id ??
      (await createAnonymousUser(world, project, { ip: caller.ip, key: { id: request.keyId, jwk: key } }).catch(taken))
    async function taken(error: unknown): Promise<string> {
      // Two first requests of one device: the quicker one made the user of both.
      const holder =
        error instanceof Refusal && error.reason === 'DataRace'
          ? await findIdentity(scope, 'anonymous', keyId)
          : undefined
      if (holder === undefined) throw error
      return holder.user_id
    }
    return startGrant(node, project, {
      kind: 'anonymous',
      userId,
      client,
      origin,
      caller,
      scopes: defaultScopes,
      amr: [],
      jkt: boundKey(proof),
      deviceInfo,
      keyHolder: request.keyId,
    })
  },
}
