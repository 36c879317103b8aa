// Signing in with a key pair that the device guards (wire contract §2.5): set up by a signed-in user, used alone later.
import { append } from '../../events/log.ts'
import { readKeyRequest } from '../../identities/key_request.ts'
import { findIdentity, insertBiometricIdentity } from '../../identities/store.ts'
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { presentedCredentials } from '../../resolver/credentials.ts'
import { announceEnded } from '../../sessions/end.ts'
import { endNodes, openSessionsOf } from '../../sessions/store.ts'
import { inTransaction } from '../../storage/database.ts'
import { isAnonymous } from '../../users/facts.ts'
import { hasFullAccess } from '../clients.ts'
import { deviceModel, parseDeviceInfo } from '../device_info.ts'
import type { GrantType, TokenRequest } from '../grants.ts'
import { takeOneTimeToken } from '../one_time.ts'
import { boundKey, provenKey } from '../proof.ts'
import { fullAccess, parseScope, scopeFault } from '../scopes.ts'
import { defaultScopes, startGrant } from '../start_grant.ts'

const invalid = (detail: string) => oauthRefusal('invalid_grant', 'InvalidCredentials', { detail })

export const biometricRequest: GrantType = {
  type: 'urn:authgear:params:oauth:grant-type:biometric-request',
  async exchange(request) {
    const { node, project, client, form } = request
    if (!hasFullAccess(client)) throw oauthRefusal('unauthorized_client', 'this client may not use biometric sign-in')
    if (!project.config.authentication.identities.includes('biometric'))
      throw oauthRefusal('unauthorized_client', 'BiometricDisallowed')
    const signed = readKeyRequest(
      form.get('jwt') ?? '',
      { type: 'biometric', actions: ['setup', 'authenticate'] },
      node.world.clock.now(),
    )
    if (signed === undefined) throw oauthRefusal('invalid_request', 'jwt is not a biometric request')
    return signed.action === 'setup' ? setUp(request, signed) : authenticate(request, signed)
  },
}

type Signed = NonNullable<ReturnType<typeof readKeyRequest>>

async function redeem(request: TokenRequest, signed: Signed): Promise<void> {
  const { node, project } = request
  const challenge = await takeOneTimeToken(
    scopeOf(node.world.db, project),
    'challenge',
    signed.challenge,
    node.world.clock.now(),
  )
  if (challenge?.purpose !== 'biometric_request') throw invalid('the challenge is unknown, used or too old')
}

async function setUp(request: TokenRequest, signed: Signed): Promise<undefined> {
  const { node, project, origin, caller, authorization, proof } = request
  const keyOf = (token: string) => provenKey(proof, token)
  const [presented] = presentedCredentials(authorization, undefined, origin.cookiePrefix, keyOf)
  const session = presented && (await node.sessions.resolve(project, presented, caller))
  if (session === undefined)
    throw oauthRefusal('invalid_grant', 'invalid session', { oauthStatus: 401, name: 'Unauthorized' })
  if (isAnonymous(session.user)) throw oauthRefusal('unauthorized_client', 'AnonymousUserAddIdentity')
  if (signed.deviceInfo === undefined || deviceModel(signed.deviceInfo) === undefined)
    throw oauthRefusal('invalid_request', 'the request names no device that can be recognised')
  const { key } = signed
  if (key === undefined || !signed.signedBy(key)) throw invalid('the signature does not hold')
  await redeem(request, signed)
  const now = node.world.clock.now()
  await inTransaction(scopeOf(node.world.db, project), async (tx) => {
    const id = await insertBiometricIdentity(
      tx,
      session.user.id,
      { keyId: signed.keyId, key, deviceInfo: signed.deviceInfo ?? {} },
      now,
    )
    if (id === undefined) throw oauthRefusal('invalid_request', 'this key is registered already')
    await append(tx, now, 'identity.added', { user_id: session.user.id, identity_id: id, type: 'biometric' })
  })
}

async function authenticate(request: TokenRequest, signed: Signed): Promise<Record<string, unknown>> {
  const { node, project, client, origin, caller, form, proof } = request
  const { world } = node
  const scope = scopeOf(world.db, project)
  const asked = form.get('scope')
  const scopes = asked === undefined || asked === '' ? defaultScopes : parseScope(asked)
  const fault = scopeFault(scopes, client)
  if (fault !== undefined) throw oauthRefusal('invalid_scope', fault)
  if (!scopes.includes('offline_access') || !scopes.includes(fullAccess))
    throw oauthRefusal('invalid_scope', 'offline_access and full access are required')
  const identity = await findIdentity(scope, 'biometric', signed.keyId)
  const key = identity?.data.key as Record<string, unknown> | undefined
  if (identity === undefined || key === undefined || !signed.signedBy(key))
    throw invalid('no such key, or its signature does not hold')
  await redeem(request, signed)
  await endEarlier(request, identity.user_id, signed.keyId)
  return startGrant(node, project, {
    kind: 'biometric',
    userId: identity.user_id,
    client,
    origin,
    caller,
    scopes,
    amr: ['x_biometric'],
    jkt: boundKey(proof),
    deviceInfo: parseDeviceInfo(form.get('x_device_info')) ?? signed.deviceInfo,
    keyHolder: signed.keyId,
  })
}

/** One device, one session: earlier grants of the same key end. */
async function endEarlier({ node, project }: TokenRequest, userId: string, keyId: string): Promise<void> {
  const { world } = node
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    const { grants } = await openSessionsOf(tx, userId)
    const earlier = grants
      .filter((grant) => grant.kind === 'biometric' && grant.key_holder === keyId)
      .map((grant) => grant.id)
    if (earlier.length === 0) return
    const at = world.clock.now()
    const ended = await endNodes(
      tx,
      { userId, idpSessions: [], grants: earlier },
      { at, reason: 'the same device signed in again' },
    )
    await announceEnded(tx, ended, { event: 'user.signed_out', reason: 'the same device signed in again' }, at)
  })
}
