// What a flow needs of the world between two questions. Each errand runs once, and leaves facts or refuses.
import { trustedDevice } from '../authenticators/device_token.ts'
import { countRecoveryCodes } from '../authenticators/recovery_code_store.ts'
import { authenticatorsOf } from '../authenticators/store.ts'
import { identitiesOf, loginIdOf } from '../identities/store.ts'
import { sendCode } from '../messaging/codes.ts'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { openSessionsOf } from '../sessions/store.ts'
import { barred } from '../users/status.ts'
import { findUser } from '../users/store.ts'
import type { Fact, KnownUser } from './facts.ts'
import { factsOf } from './run.ts'
import { sealRecoveryCodes } from './sealed.ts'
import type { Tools } from './step.ts'
import { askerOf } from './steps/one_time_code.ts'
import { recoveryData } from './steps/verify_account_recovery_code.ts'
import type { Errand } from './turn.ts'

export async function run(tools: Tools, errand: Errand): Promise<Fact[]> {
  const { at } = errand
  switch (errand.errand) {
    case 'meet_user':
      return [{ at, kind: 'user', user: await meet(tools, errand.userId) }]
    case 'send':
      await sendFirst(tools, errand.sending)
      return [{ at, kind: 'sent', sending: errand.sending, again: factsOf(tools.run, 'sent').length }]
    case 'look_at_device': {
      const { node, project, caller } = tools
      const device = await trustedDevice(node.world, project, {
        token: caller.deviceToken,
        userId: errand.userId,
        ip: caller.caller.ip,
      })
      const looked: Fact = { at, kind: 'device_looked_at' }
      if (device === undefined) return [looked]
      return [looked, { at, kind: 'authenticated', branch: errand.branch, authentication: 'device_token', device }]
    }
    case 'make_recovery_codes':
      return [{ at, kind: 'recovery_codes', sealed: sealRecoveryCodes(tools.node, tools.project) }]
    case 'check_status': {
      const user = await findUser(scopeOf(tools.node.world.db, tools.project), errand.userId)
      if (user === undefined) throw userGone()
      const bar = barred(user, tools.node.world.clock.now())
      if (bar !== undefined) throw new Refusal({ name: 'Forbidden', message: 'this account may not sign in', ...bar })
      return [{ at, kind: 'status_ok' }]
    }
    case 'count_sessions': {
      const { grants } = await openSessionsOf(scopeOf(tools.node.world.db, tools.project), errand.userId)
      return [
        { at, kind: 'other_sessions', count: grants.filter((grant) => grant.client_id === errand.clientId).length },
      ]
    }
    case 'refuse':
      throw new Refusal(errand.refusal)
  }
}

function userGone(): Refusal {
  return new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
}

async function meet(tools: Tools, userId: string): Promise<KnownUser> {
  const scope = scopeOf(tools.node.world.db, tools.project)
  const user = await findUser(scope, userId)
  if (user === undefined) throw userGone()
  const identities = await identitiesOf(scope, userId)
  const authenticators = await authenticatorsOf(scope, userId)
  const loginIds = identities.flatMap((identity) => {
    const loginId = loginIdOf(identity)
    return loginId === undefined ? [] : [{ id: identity.id, ...loginId }]
  })
  const second = authenticators.some((one) => one.kind === 'secondary')
  const grace = user.mfa_grace_period_end_at
  return {
    id: userId,
    ...(second ? { recoveryCodes: await countRecoveryCodes(scope, userId) } : {}),
    ...(grace !== null && tools.node.world.clock.now() < grace ? { graceOpen: true } : {}),
    loginIds,
    authenticators: authenticators.map(({ id, type, kind, target }) => ({ id, type, kind, target })),
    verified: user.verified.flatMap(({ name, value }) =>
      name === 'email' || name === 'phone_number' ? [{ name, value }] : [],
    ),
    displayName: displayName(user),
  }
}

/** How an account is called towards its owner: a name, or else what they sign in with. */
export function displayName(user: {
  standard_attributes: Record<string, unknown>
  identities: { login_id: string | null }[]
}): string {
  const { name, given_name, family_name, nickname, email, preferred_username, phone_number } = user.standard_attributes
  const whole = [given_name, family_name].filter((part) => typeof part === 'string' && part !== '').join(' ')
  const candidates = [
    name,
    whole,
    nickname,
    email,
    preferred_username,
    phone_number,
    user.identities.find((one) => one.login_id !== null)?.login_id,
  ]
  return candidates.find((text): text is string => typeof text === 'string' && text !== '') ?? ''
}

/** Coming to a step is no request for another message: inside the pause the one that is out still counts. */
async function sendFirst(tools: Tools, sending: Extract<Errand, { errand: 'send' }>['sending']): Promise<void> {
  const options = sending.purpose === 'forgot-password' ? recoveryData(tools, sending) : {}
  try {
    await sendCode(tools.node, tools.project, sending, askerOf(tools), options)
  } catch (error) {
    const bucket = error instanceof Refusal && error.reason === 'RateLimited' ? String(error.info?.bucket_name) : ''
    if (!bucket.includes('Cooldown')) throw error
  }
}
