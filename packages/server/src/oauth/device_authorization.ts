// The device's half of RFC 8628: codes to show. It then asks at the token endpoint.
import { Hono } from 'hono'
import { at, type Env } from '../http/context.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import { asJson } from './as_json.ts'
import { clientRequest } from './client_request.ts'
import { hasFullAccess } from './clients.ts'
import { deviceGrant } from './config.ts'
import { devicePath } from './device.ts'
import { deviceLifetime, insertDevice, pollInterval, shownUserCode } from './device_codes.ts'
import { parseScope, scopeFault } from './scopes.ts'
import { defaultScopes } from './start_grant.ts'

export const deviceAuthorizationDoor = new Hono<Env>()

deviceAuthorizationDoor.post('/oauth2/device_authorization', (c) =>
  asJson(c, async () => {
    const { world, project, origin } = at(c)
    const { form, client } = await clientRequest(c)
    if (!client.grant_types?.includes(deviceGrant))
      throw oauthRefusal('unauthorized_client', `grant_types of this client does not list ${deviceGrant}`)
    const asked = parseScope(form.get('scope') ?? '')
    const usual = hasFullAccess(client) ? defaultScopes : ['openid', 'offline_access']
    const scopes = asked.length === 0 ? usual : asked
    const fault = scopeFault(scopes, client)
    if (fault !== undefined) throw oauthRefusal('invalid_scope', fault)
    const { deviceCode, userCode } = await insertDevice(
      scopeOf(world.db, project),
      { clientId: client.client_id, origin: origin.origin, scopes },
      { random: world.random, now: world.clock.now() },
    )
    const page = `${origin.origin}${devicePath}`
    return {
      device_code: deviceCode,
      user_code: shownUserCode(userCode),
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${shownUserCode(userCode)}`,
      expires_in: deviceLifetime,
      interval: pollInterval,
    }
  }),
)
