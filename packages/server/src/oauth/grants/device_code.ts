// A device asks whether its person has decided (RFC 8628 §3.4, §3.5).
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { deviceGrant } from '../config.ts'
import { pollDevice, spendDevice } from '../device_codes.ts'
import { parseDeviceInfo } from '../device_info.ts'
import type { GrantType } from '../grants.ts'
import { boundKey } from '../proof.ts'
import { startGrant } from '../start_grant.ts'

export const deviceCode: GrantType = {
  type: deviceGrant,
  async exchange({ node, project, client, caller, form, proof }) {
    const text = form.get('device_code')
    if (text === undefined) throw oauthRefusal('invalid_request', 'device_code is required')
    const deviceInfo = parseDeviceInfo(form.get('x_device_info'))
    const jkt = boundKey(proof)
    const scope = scopeOf(node.world.db, project)
    const now = node.world.clock.now()
    const device = await pollDevice(scope, { deviceCode: text, clientId: client.client_id }, now)
    if (device === undefined) throw oauthRefusal('invalid_grant', 'the device code is unknown', { guess: true })
    if (device.status === 'redeemed') throw oauthRefusal('invalid_grant', 'the device code was used before')
    if (device.status === 'denied') throw oauthRefusal('access_denied', 'the user did not allow it')
    if (now >= device.expires_at) throw oauthRefusal('expired_token', 'the device code has expired')
    if (device.status === 'pending')
      throw device.too_soon
        ? oauthRefusal('slow_down', 'ask less often: five seconds more between two questions')
        : oauthRefusal('authorization_pending', 'nobody has decided yet')
    const origin = project.origins.find((one) => one.origin === device.origin) ?? project.origins[0]
    return startGrant(node, project, {
      kind: 'device',
      userId: device.user_id ?? '',
      client,
      origin,
      caller,
      scopes: device.scopes,
      amr: device.amr ?? [],
      authTime: device.auth_time ?? now,
      jkt,
      deviceInfo,
      allowed: { authorizationId: device.authorization_id, guard: { spend: spendDevice, id: device.id } },
    })
  },
}
