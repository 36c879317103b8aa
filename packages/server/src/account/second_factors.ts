// What a signed-in person may change about their second step: its factors, the recovery codes, the devices that skip it.

import { deleteDeviceTokens } from '../authenticators/device_token.ts'
import { checkPassword, choosePassword, invalidCredentials } from '../authenticators/password.ts'
import { deleteRecoveryCodes, findRecoverySet } from '../authenticators/recovery_code_store.ts'
import { newRecoveryCodes, writeRecoveryCodes } from '../authenticators/recovery_codes.ts'
import {
  type Authenticator,
  authenticatorsOf,
  deleteAuthenticators,
  insertAuthenticator,
  updatePassword,
} from '../authenticators/store.ts'
import { stepOf, totpContext } from '../authenticators/totp.ts'
import type { Config } from '../config/schema.ts'
import { append } from '../events/log.ts'
import { normaliseLoginId } from '../identities/login_id.ts'
import { countAttempt } from '../limits/lockout.ts'
import {
  type Asker,
  type CodeShown,
  checkCode,
  codeShown,
  guessLimitRefusal,
  type Sending,
  sendCode,
} from '../messaging/codes.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { invariantViolated, Refusal } from '../refusal.ts'
import { lockUser } from '../sessions/store.ts'
import { inTransaction, type Scope, type Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import type { Instant } from '../world.ts'

export type SecondFactorType = Config['authentication']['secondary_authenticators'][number]

/** Types that this project lets people set up, in its order. */
export function offeredFactors(config: Config): readonly SecondFactorType[] {
  const { secondary_authentication_mode, secondary_authenticators } = config.authentication
  return secondary_authentication_mode === 'disabled' ? [] : secondary_authenticators
}

/** The second factors of a user, oldest first. */
export async function secondFactorsOf({ world }: Node, project: Project, userId: string): Promise<Authenticator[]> {
  const held = await authenticatorsOf(scopeOf(world.db, project), userId)
  return held.filter((one) => one.kind === 'secondary')
}

function most(config: Config, type: SecondFactorType): number {
  if (type === 'password') return 1
  if (type === 'totp') return config.authenticator.totp.maximum
  return config.authenticator.oob_otp[type === 'oob_otp_email' ? 'email' : 'sms'].maximum
}

/** Whether one more of this type may be set up. */
export function mayAdd(config: Config, type: SecondFactorType, held: readonly { type: string }[]): boolean {
  return offeredFactors(config).includes(type) && held.filter((one) => one.type === type).length < most(config, type)
}

type NewFactor =
  | { type: 'totp'; secret: string; step: number; name: string }
  | { type: 'password'; hash: string }
  | { type: 'oob_otp_email' | 'oob_otp_sms'; target: string }

/** Changes the factors of a user whose row is held. Devices that were trusted under other factors no longer are. */
async function changing<T>(
  node: Node,
  project: Project,
  userId: string,
  change: (tx: Scope<Tx>, held: Authenticator[], now: Instant) => Promise<T>,
): Promise<T> {
  const { world } = node
  return inTransaction(scopeOf(world.db, project), async (tx) => {
    if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
    const held = (await authenticatorsOf(tx, userId)).filter((one) => one.kind === 'secondary')
    const made = await change(tx, held, world.clock.now())
    await deleteDeviceTokens(tx, userId)
    return made
  })
}

/** Whether an app with this secret is among these factors of the user. */
export function holdsApp(
  { sealer }: Pick<Node, 'sealer'>,
  project: Project,
  userId: string,
  { held, secret }: { held: readonly Authenticator[]; secret: string },
): boolean {
  const context = totpContext(project.id, userId)
  return held.some(
    (one) => one.type === 'totp' && one.secret !== null && sealer.open(one.secret, context).toString() === secret,
  )
}

/** Adds a factor. @returns recovery codes, when these are the user's first. */
async function add(node: Node, project: Project, userId: string, factor: NewFactor): Promise<string[] | undefined> {
  const { sealer } = node
  const { type } = factor
  return changing(node, project, userId, async (tx, held, now) => {
    // The form was sent twice, and the first has done it.
    if (type === 'totp' && holdsApp(node, project, userId, { held, secret: factor.secret })) return undefined
    if ('target' in factor && held.some((one) => one.type === type && one.target === factor.target))
      throw invariantViolated('DuplicatedAuthenticator', 'this one is set up already')
    if (!mayAdd(project.config, type, held))
      throw invariantViolated('DuplicatedAuthenticator', 'no more of this kind fit')
    const kept =
      factor.type === 'totp'
        ? {
            secret: sealer.seal(factor.secret, totpContext(project.id, userId)),
            data: { last_step: factor.step, ...(factor.name === '' ? {} : { display_name: factor.name }) },
          }
        : factor.type === 'password'
          ? { secret: factor.hash }
          : { target: factor.target }
    const id = await insertAuthenticator(
      tx,
      { userId, type, kind: 'secondary', isDefault: held.length === 0, ...kept },
      now,
    )
    await append(tx, now, 'authenticator.added', { user_id: userId, authenticator_id: id, type, kind: 'secondary' })
    if (project.config.authentication.recovery_code.disabled) return undefined
    return (await findRecoverySet(tx, userId)) === undefined ? makeCodes(tx, node, project, userId, now) : undefined
  })
}

async function makeCodes(tx: Scope<Tx>, node: Node, project: Project, userId: string, now: Instant): Promise<string[]> {
  const { count, list_enabled: listed } = project.config.authentication.recovery_code
  const codes = newRecoveryCodes(count, node.world.random)
  await writeRecoveryCodes(tx, { sealer: node.sealer, random: node.world.random }, { userId, codes, listed }, now)
  return codes
}

/**
 * Adds an authenticator app, whose first code proves that it works.
 * @returns recovery codes, when these are the user's first.
 * @throws Refusal 401 `InvalidCredentials`; `InvariantViolated` `DuplicatedAuthenticator`.
 */
export function addTotp(
  node: Node,
  project: Project,
  userId: string,
  app: { secret: string; code: string; name: string },
): Promise<string[] | undefined> {
  const step = stepOf(app.secret, app.code, node.world.clock.now())
  if (step === undefined) throw invalidCredentials('totp')
  return add(node, project, userId, { type: 'totp', secret: app.secret, step, name: app.name.slice(0, 60) })
}

/** Sets a second password. @returns as `addTotp`. @throws Refusal 400 `PasswordPolicyViolated`. */
export async function addSecondPassword(
  node: Node,
  project: Project,
  userId: string,
  password: string,
): Promise<string[] | undefined> {
  const hash = await choosePassword(node.world, project, { password, userId: undefined })
  return add(node, project, userId, { type: 'password', hash })
}

/** Changes the second password. @throws Refusal 401 `InvalidCredentials`, 400 `PasswordPolicyViolated`, 429. */
export async function changeSecondPassword(
  node: Node,
  project: Project,
  userId: string,
  change: { old: string; new: string; ip: string },
): Promise<void> {
  const { world } = node
  const { ip } = change
  await countAttempt(world, project, { userId, method: 'password', ip }, () =>
    checkPassword(world, project, { userId, kind: 'secondary', password: change.old, ip }),
  )
  const hash = await choosePassword(world, project, { password: change.new, userId: undefined })
  await changing(node, project, userId, async (tx, held, now) => {
    const present = held.find((one) => one.type === 'password')
    if (present === undefined) throw invalidCredentials('password')
    await updatePassword(tx, { id: present.id, userId, hash }, now)
    await append(tx, now, 'authenticator.updated', {
      user_id: userId,
      authenticator_id: present.id,
      type: 'password',
      kind: 'secondary',
    })
  })
}

// ---- codes by mail and text ---------------------------------------------------------------------------------------

export type CodeTarget = { type: 'oob_otp_email' | 'oob_otp_sms'; target: string }

function sendingTo(project: Project, userId: string, { type, target }: CodeTarget): Sending {
  const sms = project.config.authenticator.oob_otp.sms.phone_otp_mode === 'whatsapp' ? 'whatsapp' : 'sms'
  const channel = type === 'oob_otp_email' ? 'email' : sms
  return { purpose: 'oob-otp', target, channel, form: 'code', userId, message: 'setup-secondary-oob' }
}

/** Reads what a person typed. @throws Refusal `ValidationFailed` at `/target`; `DuplicatedAuthenticator`. */
export async function readCodeTarget(
  node: Node,
  project: Project,
  userId: string,
  given: { type: CodeTarget['type']; text: string },
): Promise<CodeTarget> {
  const reached = given.type === 'oob_otp_email' ? 'email' : 'phone'
  const normal = await normaliseLoginId(reached, given.text, project.config)
  if (normal === undefined)
    throw new Refusal({
      name: 'Invalid',
      reason: 'ValidationFailed',
      message: 'codes cannot be sent there',
      info: {
        causes: [{ location: '/target', kind: 'format', message: 'cannot be reached', details: { format: reached } }],
      },
    })
  const held = await secondFactorsOf(node, project, userId)
  if (
    held.some((one) => one.type === given.type && one.target === normal.value) ||
    !mayAdd(project.config, given.type, held)
  )
    throw invariantViolated('DuplicatedAuthenticator', 'this one is set up already')
  return { type: given.type, target: normal.value }
}

/** Sends a code that proves the target. @throws Refusal 429. */
export async function sendSetUpCode(
  node: Node,
  project: Project,
  userId: string,
  target: CodeTarget,
  asker: Asker,
): Promise<void> {
  await sendCode(node, project, sendingTo(project, userId, target), asker)
}

/** How the code that is out stands. */
export function setUpCodeShown(node: Node, project: Project, userId: string, target: CodeTarget): Promise<CodeShown> {
  return codeShown(node, project, sendingTo(project, userId, target))
}

/** Spends the code and adds the target. @returns as `addTotp`. @throws Refusal 403 `InvalidVerificationCode`, 429. */
export async function addCodeTarget(
  node: Node,
  project: Project,
  userId: string,
  proof: CodeTarget & { code: string; ip: string },
): Promise<string[] | undefined> {
  const { type, target, code, ip } = proof
  const by = { ip, spender: userId }
  const verdict = await checkCode(node, project, sendingTo(project, userId, proof), code, by)
  if (verdict === 'revoked') throw guessLimitRefusal()
  if (verdict !== 'good')
    throw new Refusal({ name: 'Forbidden', reason: 'InvalidVerificationCode', message: 'this code does not count' })
  return add(node, project, userId, { type, target })
}

// ---- less and anew ------------------------------------------------------------------------------------------------

/**
 * Removes a factor. With the last one go the recovery codes.
 * @throws Refusal `AccountManagementAuthenticatorNotOwnedByUser`; `InvariantViolated`
 *   `RemoveLastSecondaryAuthenticator` where everyone must have one.
 */
export async function removeSecondFactor(
  node: Node,
  project: Project,
  userId: string,
  authenticatorId: string,
): Promise<Authenticator> {
  return changing(node, project, userId, async (tx, held, now) => {
    const gone = held.find((one) => one.id === authenticatorId)
    if (gone === undefined)
      throw new Refusal({
        name: 'Invalid',
        reason: 'AccountManagementAuthenticatorNotOwnedByUser',
        message: 'this factor is not one of yours',
      })
    const last = held.length === 1
    if (last && project.config.authentication.secondary_authentication_mode === 'required')
      throw invariantViolated('RemoveLastSecondaryAuthenticator', 'two-step is required here')
    await deleteAuthenticators(tx, [gone.id])
    if (last) await deleteRecoveryCodes(tx, userId)
    const { id, type, kind } = gone
    await append(tx, now, 'authenticator.removed', { user_id: userId, authenticator_id: id, type, kind })
    return gone
  })
}

/** New recovery codes; the ones before no longer work. */
export async function renewRecoveryCodes(node: Node, project: Project, userId: string): Promise<string[]> {
  if (project.config.authentication.recovery_code.disabled)
    throw new Refusal({ name: 'Forbidden', reason: 'Forbidden', message: 'there are no recovery codes here' })
  return changing(node, project, userId, async (tx, held, now) => {
    if (held.length === 0)
      throw invariantViolated('NoAuthenticator', 'there is no second factor that they could stand in for')
    return makeCodes(tx, node, project, userId, now)
  })
}

/** No device is trusted any more. @returns how many were. */
export function forgetDevices({ world }: Node, project: Project, userId: string): Promise<number> {
  return inTransaction(scopeOf(world.db, project), (tx) => deleteDeviceTokens(tx, userId))
}
