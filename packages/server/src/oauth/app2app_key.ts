// The key by which an app on a device approves the sign-in of another one (wire contract §2.5, app2app).
import { readKeyRequest } from '../identities/key_request.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import type { TokenRequest } from './grants.ts'
import { takeOneTimeToken } from './one_time.ts'

export type App2AppKey = { kid: string; jwk: Record<string, unknown> }

/**
 * The key of `x_app2app_device_key_jwt`, which proves its possession and spends a challenge; undefined without one.
 * @throws Refusal `unauthorized_client` when the client has app2app off, `invalid_request` when the proof does not hold.
 */
export async function presentedKey({ node, project, client, form }: TokenRequest): Promise<App2AppKey | undefined> {
  const jwt = form.get('x_app2app_device_key_jwt')
  if (jwt === undefined || jwt === '') return undefined
  if (!client.x_app2app_enabled) throw oauthRefusal('unauthorized_client', 'app2app is off for this client')
  const now = node.world.clock.now()
  const request = readKeyRequest(jwt, { type: 'app2app', actions: ['setup'] }, now)
  const { key } = request ?? {}
  if (request === undefined || key === undefined || !request.signedBy(key))
    throw oauthRefusal('invalid_request', 'x_app2app_device_key_jwt does not prove a key')
  const challenge = await takeOneTimeToken(scopeOf(node.world.db, project), 'challenge', request.challenge, now)
  if (challenge?.purpose !== 'app2app_request')
    throw oauthRefusal('invalid_request', 'the challenge is unknown, used or too old')
  return { kid: request.keyId, jwk: key }
}
