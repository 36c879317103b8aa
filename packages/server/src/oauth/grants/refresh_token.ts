// RFC 6749 §6. What the token earns is decided in sessions/; here are the request's own checks.
import { type Project, scopeOf } from '../../projects/find.ts'
import { oauthRefusal, Refusal } from '../../refusal.ts'
import { readCredential } from '../../sessions/credential.ts'
import { refresh } from '../../sessions/refresh.ts'
import { bindKey, findGrant, replaceDeviceSecret } from '../../sessions/store.ts'
import type { World } from '../../world.ts'
import { presentedKey } from '../app2app_key.ts'
import { parseDeviceInfo } from '../device_info.ts'
import { deviceSecretFor } from '../device_secret.ts'
import type { GrantType } from '../grants.ts'
import { jwtExpiry, tokenResponse } from '../issue.ts'
import { proofRefusal } from '../proof.ts'
import { parseScope } from '../scopes.ts'

export const refreshTokenGrant: GrantType = {
  type: 'refresh_token',
  async exchange(request) {
    const { node, project, client, form, caller, proof } = request
    const { world } = node
    const token = form.get('refresh_token')
    if (token === undefined || token === '') throw oauthRefusal('invalid_request', 'refresh_token is required')
    const deviceInfo = parseDeviceInfo(form.get('x_device_info'))
    const asked = parseScope(form.get('scope') ?? '')
    if (asked.length > 0) await checkNarrower(world, project, token, asked)
    // Only an app that had its sessions before app2app may add a key to them.
    const binds = client.x_app2app_enabled && client.x_app2app_insecure_device_key_binding_enabled
    const key = binds ? await presentedKey(request) : undefined
    const now = world.clock.now()
    const jkt = proof.kind === 'good' ? proof.jkt : null
    const result = await refresh(world, project, {
      token,
      client,
      jkt,
      ip: caller.ip,
      userAgent: caller.userAgent,
      deviceInfo,
      jwtExpiresAt: jwtExpiry(client, now, asked.length > 0),
    }).catch((error: unknown) => {
      // Only a bound token cares about a bad proof; then the proof's own fault is the better answer.
      if (error instanceof Refusal && error.oauth === 'invalid_dpop_proof' && proof.kind === 'bad')
        throw proofRefusal(proof)
      throw error
    })
    const { grant } = result
    const scope = scopeOf(world.db, project)
    if (key !== undefined) await bindKey(scope, grant.id, key)
    const device = deviceSecretFor(grant.scopes, world.random)
    await replaceDeviceSecret(scope, grant.id, device)
    const narrowed = asked.length > 0 && asked.length < grant.scopes.length
    return tokenResponse(world, project, client, {
      holder: { ...grant, generation: result.generation, scopes: narrowed ? asked : grant.scopes },
      user: result.user,
      now,
      jkt,
      narrowed,
      refreshToken: result.refreshToken,
      deviceSecret: device?.secret,
      dsHash: device?.dsHash,
    })
  },
}

/** A narrower scope may be asked for the new access token, more than was granted may not. Asked before anything moves. */
async function checkNarrower(world: World, project: Project, token: string, asked: readonly string[]): Promise<void> {
  const credential = readCredential(token, { ring: project.ring, projectId: project.id })
  const found =
    credential?.kind === 'refresh_token' ? await findGrant(scopeOf(world.db, project), credential.id) : undefined
  if (found === undefined || asked.every((scope) => found.grant.scopes.includes(scope))) return
  throw oauthRefusal('invalid_scope', 'more scope than was granted')
}
