// A fresh ID token for a live session (wire contract §2.5): what an SDK asks before it re-authenticates somebody.
import type { ClientConfig } from '../../config/schema.ts'
import { type Project, scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { presentedCredentials } from '../../resolver/credentials.ts'
import type { Session } from '../../sessions/resolve.ts'
import { findGrant, replaceDeviceSecret } from '../../sessions/store.ts'
import type { World } from '../../world.ts'
import type { Form } from '../client_auth.ts'
import { hasFullAccess } from '../clients.ts'
import { deviceSecretFor, isDeviceSecretOf } from '../device_secret.ts'
import type { GrantType } from '../grants.ts'
import { type Holder, idToken } from '../issue.ts'
import { provenKey } from '../proof.ts'

/** The session that the token speaks for: a grant of this client, or the browser session of an app that lives by cookie. */
function holderOf(session: Session, client: ClientConfig): Holder | undefined {
  if (session.kind === 'offline_grant') return session.grant.client_id === client.client_id ? session.grant : undefined
  return { ...session.session, sessionKind: 'idp', generation: 0, scopes: ['openid'] }
}

/** A new device secret for one that is still good; the ID token then stands beside it. */
async function rotated(world: World, project: Project, grantId: Buffer, form: Form) {
  const sent = form.get('device_secret')
  if (sent === undefined || sent === '') return undefined
  const scope = scopeOf(world.db, project)
  const found = await findGrant(scope, grantId)
  if (found === undefined || !isDeviceSecretOf(sent, found.grant)) return undefined
  const device = deviceSecretFor(found.grant.scopes, world.random)
  await replaceDeviceSecret(scope, grantId, device)
  return device
}

export const idTokenGrant: GrantType = {
  type: 'urn:authgear:params:oauth:grant-type:id-token',
  async exchange({ node, project, origin, client, caller, form, authorization, cookie, proof }) {
    if (!hasFullAccess(client)) throw oauthRefusal('unauthorized_client', 'this client may not ask for ID tokens')
    const keyOf = (token: string) => provenKey(proof, token)
    for (const credential of presentedCredentials(authorization, cookie, origin.cookiePrefix, keyOf)) {
      const session = await node.sessions.resolve(project, credential, caller)
      const holder = session && holderOf(session, client)
      if (session === undefined || holder === undefined) continue
      const device =
        session.kind === 'offline_grant' ? await rotated(node.world, project, session.grant.id, form) : undefined
      const now = node.world.clock.now()
      return {
        id_token: await idToken(project, client, { holder, user: session.user, now, dsHash: device?.dsHash }),
        ...(device === undefined ? {} : { device_secret: device.secret }),
      }
    }
    throw oauthRefusal('invalid_grant', 'invalid session', { oauthStatus: 401, name: 'Unauthorized' })
  },
}
