// What each kind of flow leaves behind: users, identities, authenticators, verified claims, passwords. Always inside the
// transaction that finishes the flow.
import { stillTrusted } from '../authenticators/device_token.ts'
import { writeRecoveryCodes } from '../authenticators/recovery_codes.ts'
import { authenticatorsOf, findPassword, insertAuthenticator, updatePassword } from '../authenticators/store.ts'
import { totpContext } from '../authenticators/totp.ts'
import { append } from '../events/log.ts'
import { loginIdClaims } from '../identities/login_id.ts'
import { deleteIdentity, identitiesOf, insertIdentity } from '../identities/store.ts'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import { invariantViolated, Refusal } from '../refusal.ts'
import { endSessionsOfUser } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { settleIdentityAttributes, withAttributes } from '../users/profile.ts'
import { barred } from '../users/status.ts'
import { insertUser, insertVerifiedClaim, updateAttributes } from '../users/store.ts'
import type { Instant } from '../world.ts'
import type { NewAuthenticator } from './facts.ts'
import { factsOf, type Run, userIdOf } from './run.ts'
import { openRecoveryCodes, openTotpSecret } from './sealed.ts'
import { duplicatedIdentity } from './steps/identify.ts'

type Writing = { node: Node; project: Project; run: Run; now: Instant }

function newLoginIds(run: Run) {
  return factsOf(run, 'identified').flatMap((fact) =>
    fact.userId === undefined && fact.loginId !== undefined ? [fact.loginId] : [],
  )
}

/** A new user. @returns their id. */
export async function signUp(tx: Scope<Tx>, writing: Writing): Promise<string> {
  const { project, run, now } = writing
  const loginIds = newLoginIds(run)
  const claims = loginIds.map((loginId) => ({ claims: loginIdClaims(loginId) }))
  const profile = project.config.user_profile
  const standard =
    profile.standard_attributes.population.strategy === 'on_signup' ? settleIdentityAttributes({}, claims, true) : {}
  const given = factsOf(run, 'profile').flatMap((fact) => fact.attributes)
  const attributes = withAttributes(profile, { standard, custom: {} }, given, { own: claims })
  const userId = await insertUser(
    tx,
    { standardAttributes: attributes.standard, customAttributes: attributes.custom },
    now,
  )
  for (const loginId of loginIds)
    if ((await insertIdentity(tx, userId, { type: 'login_id', loginId }, now)) === undefined)
      throw duplicatedIdentity('signup', loginId.type)
  await writeCredentials(tx, writing, userId, { announce: false })
  await append(tx, now, 'user.created', { user_id: userId })
  return userId
}

/** The anonymous user becomes a normal one: same id, same data, same grants; the key that stood for them goes. */
export async function promote(tx: Scope<Tx>, writing: Writing): Promise<string> {
  const { project, run, now } = writing
  const userId = run.flow.context.anonymousUserId
  const user = userId === undefined ? undefined : await lockUser(tx, userId, 'update')
  const before = userId === undefined ? [] : await identitiesOf(tx, userId)
  const anonymous = before.filter((identity) => identity.type === 'anonymous')
  if (userId === undefined || user === undefined || anonymous.length === 0)
    throw invariantViolated('UserNotAnonymous', 'this user is not anonymous')
  const bar = barred(user, now)
  if (bar !== undefined) throw new Refusal({ name: 'Forbidden', message: 'this account may not sign in', ...bar })
  for (const identity of anonymous) await deleteIdentity(tx, identity.id)
  const loginIds = newLoginIds(run)
  for (const loginId of loginIds) {
    const identityId = await insertIdentity(tx, userId, { type: 'login_id', loginId }, now)
    if (identityId === undefined) throw duplicatedIdentity('promote', loginId.type)
    await append(tx, now, 'identity.added', { user_id: userId, identity_id: identityId, type: 'login_id' })
  }
  const claims = loginIds.map((loginId) => ({ claims: loginIdClaims(loginId) }))
  const profile = project.config.user_profile
  const fill = profile.standard_attributes.population.strategy === 'on_signup'
  const standard = settleIdentityAttributes(user.standard_attributes, claims, fill)
  const given = factsOf(run, 'profile').flatMap((fact) => fact.attributes)
  const attributes = withAttributes(profile, { standard, custom: user.custom_attributes }, given, { own: claims })
  await updateAttributes(tx, userId, attributes, now)
  await writeCredentials(tx, writing, userId, { announce: false })
  await append(tx, now, 'user.anonymous.promoted', { anonymous_user_id: userId, user_id: userId })
  return userId
}

/** The user who proved it, with what the flow added. @returns their id. */
export async function logIn(tx: Scope<Tx>, writing: Writing): Promise<string> {
  const { run, now } = writing
  const userId = userIdOf(run)
  if (userId === undefined) throw new Error('a login without a user')
  const user = await lockUser(tx, userId, 'update')
  if (user === undefined) throw new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
  const bar = barred(user, now)
  if (bar !== undefined) throw new Refusal({ name: 'Forbidden', message: 'this account may not sign in', ...bar })
  await stillTheirs(tx, run, userId, now)
  await writeCredentials(tx, writing, userId, { announce: true })
  const changed = factsOf(run, 'password_changed')
  for (const fact of changed) await replacePassword(tx, { id: fact.authenticatorId, userId, hash: fact.hash }, now)
  if (changed.length > 0)
    await endSessionsOfUser(tx, userId, now, {
      event: 'user.session.terminated',
      termination: 'all',
      reason: 'the password was changed',
    })
  return userId
}

/** What let this person in must not have been taken away meanwhile: identity, authenticator, trust in the device. */
export async function stillTheirs(tx: Scope<Tx>, run: Run, userId: string, now: Instant): Promise<void> {
  const identities = await identitiesOf(tx, userId)
  const authenticators = await authenticatorsOf(tx, userId)
  const gone =
    factsOf(run, 'identified').some(
      (fact) => fact.identityId !== undefined && !identities.some((one) => one.id === fact.identityId),
    ) ||
    factsOf(run, 'authenticated').some(
      (fact) => fact.authenticatorId !== undefined && !authenticators.some((one) => one.id === fact.authenticatorId),
    )
  let trusted = true
  for (const { device } of factsOf(run, 'authenticated'))
    if (device !== undefined) trusted &&= await stillTrusted(tx, userId, device, now)
  if (gone || !trusted)
    throw new Refusal({
      name: 'Unauthorized',
      reason: 'InvalidCredentials',
      message: 'invalid credentials',
      detail: 'the identity, the authenticator or the trust in the device is gone',
    })
}

/** New authenticators, those that a code to a login ID made just in time, and what was verified on the way. */
async function writeCredentials(
  tx: Scope<Tx>,
  { node, project, run, now }: Writing,
  userId: string,
  options: { announce: boolean },
): Promise<void> {
  const held = await authenticatorsOf(tx, userId)
  const kept = (authenticator: NewAuthenticator) => {
    if (authenticator.type === 'password') return { secret: authenticator.hash }
    if (authenticator.type !== 'totp') return { target: authenticator.target }
    const secret = openTotpSecret(node, project, authenticator.sealed)
    return {
      secret: node.sealer.seal(secret, totpContext(project.id, userId)),
      data: { last_step: authenticator.step },
    }
  }
  const add = async (authenticator: NewAuthenticator, announce: boolean) => {
    const { type, kind } = authenticator
    const same = held.find(
      (one) =>
        one.type === type &&
        one.kind === kind &&
        (authenticator.type === 'password' || ('target' in authenticator && one.target === authenticator.target)),
    )
    if (same !== undefined) return
    const id = await insertAuthenticator(
      tx,
      { userId, type, kind, isDefault: !held.some((one) => one.kind === kind), ...kept(authenticator) },
      now,
    )
    if (announce) await append(tx, now, 'authenticator.added', { user_id: userId, authenticator_id: id, type, kind })
  }
  for (const fact of factsOf(run, 'created')) await add(fact.authenticator, options.announce)
  const codes = factsOf(run, 'recovery_codes').at(-1)
  if (codes !== undefined) {
    const set = { userId, codes: openRecoveryCodes(node, project, codes.sealed) }
    const { list_enabled: listed } = project.config.authentication.recovery_code
    await writeRecoveryCodes(tx, { sealer: node.sealer, random: node.world.random }, { ...set, listed }, now)
  }
  for (const fact of factsOf(run, 'authenticated')) {
    const type = fact.authentication.replace(/^primary_/, '')
    if (fact.target === undefined || (type !== 'oob_otp_email' && type !== 'oob_otp_sms')) continue
    await add({ type, kind: 'primary', target: fact.target }, false)
    const name = type === 'oob_otp_sms' ? 'phone_number' : 'email'
    const fresh = await insertVerifiedClaim(tx, userId, { name, value: fact.target }, now)
    if (fresh && options.announce) await append(tx, now, 'identity.verified', { user_id: userId, name })
  }
  for (const { claim } of factsOf(run, 'verified')) {
    const fresh = await insertVerifiedClaim(tx, userId, claim, now)
    if (fresh && options.announce) await append(tx, now, 'identity.verified', { user_id: userId, name: claim.name })
  }
}

async function replacePassword(
  tx: Scope<Tx>,
  password: { id: string; userId: string; hash: string },
  now: Instant,
): Promise<void> {
  if (!(await updatePassword(tx, password, now)))
    throw new Refusal({
      name: 'Invalid',
      reason: 'ChangePasswordFailed',
      message: 'this password is gone',
      info: { cause: { kind: 'NoPassword' } },
    })
  await append(tx, now, 'authenticator.updated', {
    user_id: password.userId,
    authenticator_id: password.id,
    type: 'password',
    kind: 'primary',
  })
}

/** The new password, and the end of every session that the old one may have let in, unless the person keeps them. */
export async function recover(tx: Scope<Tx>, { run, now }: Writing): Promise<string | undefined> {
  const userId = userIdOf(run)
  const reset = factsOf(run, 'password_reset').at(-1)
  if (userId !== undefined && reset !== undefined) {
    if ((await lockUser(tx, userId, 'update')) === undefined)
      throw new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
    const held = await findPassword(tx, userId, 'primary')
    if (held !== undefined) await replacePassword(tx, { id: held.id, userId, hash: reset.hash }, now)
    else {
      const id = await insertAuthenticator(
        tx,
        { userId, type: 'password', kind: 'primary', isDefault: true, secret: reset.hash },
        now,
      )
      await append(tx, now, 'authenticator.added', {
        user_id: userId,
        authenticator_id: id,
        type: 'password',
        kind: 'primary',
      })
    }
    // Whoever read the message has the address; that a code came back from it verifies it.
    const destination = factsOf(run, 'destination').at(-1)
    if (destination !== undefined && !destination.target.startsWith('username:'))
      await insertVerifiedClaim(
        tx,
        userId,
        { name: destination.channel === 'email' ? 'email' : 'phone_number', value: destination.target },
        now,
      )
    if (!reset.keepSessions)
      await endSessionsOfUser(tx, userId, now, {
        event: 'user.session.terminated',
        termination: 'all',
        reason: 'the password was reset',
      })
  }
  return userId
}
