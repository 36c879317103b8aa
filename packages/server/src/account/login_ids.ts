// What a signed-in person is found by: adding, changing, removing and confirming their own login IDs.
import { authenticatorsOf, deleteAuthenticators } from '../authenticators/store.ts'
import type { Config } from '../config/schema.ts'
import { append } from '../events/log.ts'
import type { Channel, Sending } from '../flows/facts.ts'
import type { LoginIdKeyConfig, LoginIdType } from '../identities/config.ts'
import { claimOfType, type LoginId, newLoginId } from '../identities/login_id.ts'
import {
  deleteIdentity,
  findByLoginId,
  type Identity,
  identitiesOf,
  insertIdentity,
  loginIdOf,
  loginIdUniqueKey,
  updateLoginId,
} from '../identities/store.ts'
import { type Asker, type CodeShown, checkCode, codeShown, guessLimitRefusal, sendCode } from '../messaging/codes.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { invariantViolated, Refusal } from '../refusal.ts'
import { lockUser } from '../sessions/store.ts'
import { inTransaction, type Scope, type Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import { settleIdentityAttributes } from '../users/profile.ts'
import { deleteVerifiedClaim, insertVerifiedClaim, updateAttributes } from '../users/store.ts'
import type { Instant, World } from '../world.ts'
import { canStillSignIn } from './login_id_rules.ts'

const notYours = () =>
  new Refusal({
    name: 'Invalid',
    reason: 'AccountManagementIdentityNotOwnedByUser',
    message: 'this login ID is not one of yours',
  })

/** The first key of this type that a person may add to (or change), as settings actions choose it. */
export function keyOfType(
  config: Config,
  type: LoginIdType,
  allowed: 'create_disabled' | 'update_disabled',
): LoginIdKeyConfig | undefined {
  if (!config.authentication.identities.includes('login_id')) return undefined
  return config.identity.login_id.keys.find((key) => key.type === type && !key[allowed])
}

function keyOf(config: Config, identity: Identity): LoginIdKeyConfig | undefined {
  const { keys } = config.identity.login_id
  return (
    keys.find((key) => key.key === identity.login_id_key) ?? keys.find((key) => key.type === identity.login_id_type)
  )
}

/** What a person may do with a login ID of theirs. */
export function allowedOn(config: Config, identity: Identity): { change: boolean; remove: boolean; verify: boolean } {
  const key = keyOf(config, identity)
  const claim = claimNameOf(identity.login_id_type as LoginIdType)
  return {
    change: key !== undefined && !key.update_disabled,
    remove: key !== undefined && !key.delete_disabled,
    verify: claim !== undefined && config.verification.claims[claim].enabled,
  }
}

function claimNameOf(type: LoginIdType): 'email' | 'phone_number' | undefined {
  return type === 'username' ? undefined : claimOfType[type]
}

/** Whether a new login ID of this type counts only once its code came back. */
export function mustVerify(config: Config, type: LoginIdType): boolean {
  const claim = claimNameOf(type)
  return claim !== undefined && config.verification.claims[claim].enabled && config.verification.claims[claim].required
}

/** A login ID that is to be added, or to take the place of `identityId`. */
export type Wanted = { userId: string; identityId?: string | undefined; loginId: LoginId }

/**
 * Reads what a person typed for a new login ID of theirs and makes sure that it can become one.
 * @param given.identityId the identity that it replaces; its own key counts then.
 * @throws Refusal `ValidationFailed` (causes at `/login_id`), `InvariantViolated` (`DuplicatedIdentity`,
 *   `IdentityModifyDisabled`), `AccountManagementIdentityNotOwnedByUser`.
 */
export async function readWanted(
  world: World,
  project: Project,
  given: { userId: string; type: LoginIdType; text: string; identityId?: string | undefined; key?: string | undefined },
): Promise<Wanted> {
  const { config } = project
  const scope = scopeOf(world.db, project)
  const { userId, identityId, type } = given
  let key: LoginIdKeyConfig | undefined
  if (identityId === undefined) {
    const named = config.identity.login_id.keys.find((one) => one.key === given.key && one.type === type)
    key = named ?? keyOfType(config, type, 'create_disabled')
    if (key === undefined || key.create_disabled)
      throw invariantViolated('IdentityModifyDisabled', 'login IDs of this kind cannot be added')
  } else {
    const identity = (await identitiesOf(scope, userId)).find(
      (one) => one.id === identityId && one.login_id_type === type,
    )
    if (identity === undefined) throw notYours()
    key = keyOf(config, identity)
    if (key === undefined || key.update_disabled)
      throw invariantViolated('IdentityModifyDisabled', 'this login ID cannot be changed')
  }
  const loginId = await newLoginId(key, given.text, config)
  const taken = await findByLoginId(scope, loginId.type, loginId.uniqueKey)
  if (taken !== undefined && taken.id !== identityId)
    throw invariantViolated('DuplicatedIdentity', 'identity already exists')
  return { userId, loginId, ...(identityId === undefined ? {} : { identityId }) }
}

/**
 * Adds or changes the login ID. What the old value stood for goes with it: its verified claim, and the authenticators
 * that sent codes there.
 * @param options.verified the code that was sent to it has come back.
 * @throws Refusal `InvariantViolated` `DuplicatedIdentity` when somebody else was faster; as `readWanted`.
 */
export async function saveLoginId(
  world: World,
  project: Project,
  wanted: Wanted,
  options: { verified: boolean },
): Promise<void> {
  const { userId, loginId, identityId } = wanted
  if (!options.verified && mustVerify(project.config, loginId.type))
    throw invariantViolated('IdentityNotVerified', 'this login ID has to be confirmed first')
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    const now = world.clock.now()
    const user = await lockUser(tx, userId, 'update')
    if (user === undefined) throw userNotFound()
    const before = await identitiesOf(tx, userId)
    // The form was sent twice, and the first has done it.
    if (
      identityId === undefined &&
      before.some((one) => one.unique_key === loginIdUniqueKey(loginId.type, loginId.uniqueKey))
    )
      return
    if (identityId === undefined) {
      const id = await insertIdentity(tx, userId, { type: 'login_id', loginId }, now)
      if (id === undefined) throw invariantViolated('DuplicatedIdentity', 'identity already exists')
      await append(tx, now, 'identity.added', { user_id: userId, identity_id: id, type: 'login_id' })
    } else {
      const old = before.find((one) => one.id === identityId)
      if (old === undefined) throw notYours()
      if (!(await updateLoginId(tx, identityId, loginId, now)))
        throw invariantViolated('DuplicatedIdentity', 'identity already exists')
      await append(tx, now, 'identity.updated', { user_id: userId, identity_id: identityId, type: 'login_id' })
      if (old.login_id !== loginId.value) await forget(tx, userId, old, now)
    }
    const claim = claimNameOf(loginId.type)
    if (
      options.verified &&
      claim !== undefined &&
      (await insertVerifiedClaim(tx, userId, { name: claim, value: loginId.value }, now))
    )
      await append(tx, now, 'identity.verified', { user_id: userId, name: claim })
    await settle(tx, userId, user.standard_attributes, now)
  })
}

/**
 * Removes a login ID, with its verified claim and the authenticators that sent codes there.
 * @throws Refusal `InvariantViolated` (`RemoveLastIdentity`, `IdentityModifyDisabled`),
 *   `AccountManagementIdentityNotOwnedByUser`.
 */
export async function removeLoginId(
  world: World,
  project: Project,
  userId: string,
  identityId: string,
): Promise<LoginId> {
  return inTransaction(scopeOf(world.db, project), async (tx) => {
    const now = world.clock.now()
    const user = await lockUser(tx, userId, 'update')
    if (user === undefined) throw userNotFound()
    const identities = await identitiesOf(tx, userId)
    const identity = identities.find((one) => one.id === identityId)
    const loginId = identity && loginIdOf(identity)
    if (identity === undefined || loginId === undefined) throw notYours()
    if (!allowedOn(project.config, identity).remove)
      throw invariantViolated('IdentityModifyDisabled', 'this login ID cannot be removed')
    const others = identities.filter((one) => one.id !== identityId)
    const factors = (await authenticatorsOf(tx, userId)).filter(
      (one) => one.target === null || one.target !== identity.login_id,
    )
    if (!canStillSignIn(others, factors, project.config))
      throw invariantViolated('RemoveLastIdentity', 'this is the only way in')
    await deleteIdentity(tx, identityId)
    await append(tx, now, 'identity.removed', { user_id: userId, identity_id: identityId, type: 'login_id' })
    await forget(tx, userId, identity, now)
    await settle(tx, userId, user.standard_attributes, now)
    return loginId
  })
}

/** What leaned on a value that no identity of the user has any more. */
async function forget(tx: Scope<Tx>, userId: string, old: Identity, now: Instant): Promise<void> {
  const { login_id: value } = old
  if (value === null) return
  if ((await identitiesOf(tx, userId)).some((one) => Object.values(one.claims).includes(value))) return
  const claim = claimNameOf(old.login_id_type as LoginIdType)
  if (claim !== undefined) await deleteVerifiedClaim(tx, userId, { name: claim, value })
  const leaning = (await authenticatorsOf(tx, userId)).filter((one) => one.kind === 'primary' && one.target === value)
  await deleteAuthenticators(
    tx,
    leaning.map((one) => one.id),
  )
  for (const { id, type, kind } of leaning)
    await append(tx, now, 'authenticator.removed', { user_id: userId, authenticator_id: id, type, kind })
}

async function settle(tx: Scope<Tx>, userId: string, standard: Record<string, unknown>, now: Instant): Promise<void> {
  const identities = await identitiesOf(tx, userId)
  const settled = settleIdentityAttributes(standard, identities, true)
  await updateAttributes(tx, userId, { standard: settled }, now)
}

// ---- confirming ---------------------------------------------------------------------------------------------------

function sendingTo(userId: string, loginId: Pick<LoginId, 'type' | 'value'>, project: Project): Sending {
  const channel: Channel =
    loginId.type === 'email'
      ? 'email'
      : project.config.authenticator.oob_otp.sms.phone_otp_mode === 'whatsapp'
        ? 'whatsapp'
        : 'sms'
  return { purpose: 'verification', target: loginId.value, channel, form: 'code', userId, message: 'verification' }
}

/** Sends a code to a login ID that is, or will be, this user's. @throws Refusal 429. */
export async function sendVerification(
  node: Node,
  project: Project,
  userId: string,
  loginId: Pick<LoginId, 'type' | 'value'>,
  asker: Asker,
): Promise<void> {
  await sendCode(node, project, sendingTo(userId, loginId, project), asker)
}

/** How the code that is out stands. */
export function verificationShown(
  node: Node,
  project: Project,
  userId: string,
  loginId: Pick<LoginId, 'type' | 'value'>,
): Promise<CodeShown> {
  return codeShown(node, project, sendingTo(userId, loginId, project))
}

/** Spends the code. @throws Refusal 403 `InvalidVerificationCode`, 429. */
export async function checkVerification(
  node: Node,
  project: Project,
  userId: string,
  loginId: Pick<LoginId, 'type' | 'value'>,
  code: string,
  ip: string,
): Promise<void> {
  const verdict = await checkCode(node, project, sendingTo(userId, loginId, project), code, {
    ip,
    spender: userId,
  })
  if (verdict === 'revoked') throw guessLimitRefusal()
  if (verdict !== 'good')
    throw new Refusal({ name: 'Forbidden', reason: 'InvalidVerificationCode', message: 'this code does not count' })
}

/** Records that a login ID the user has is theirs, after its code. @throws Refusal `AccountManagementIdentityNotOwnedByUser`. */
export async function markVerified(world: World, project: Project, userId: string, identityId: string): Promise<void> {
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    const now = world.clock.now()
    const identity = (await identitiesOf(tx, userId)).find((one) => one.id === identityId)
    const loginId = identity && loginIdOf(identity)
    const claim = loginId && claimNameOf(loginId.type)
    if (loginId === undefined || claim === undefined) throw notYours()
    if (await insertVerifiedClaim(tx, userId, { name: claim, value: loginId.value }, now))
      await append(tx, now, 'identity.verified', { user_id: userId, name: claim })
  })
}
