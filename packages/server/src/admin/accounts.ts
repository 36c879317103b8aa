// Accounts made and mended by an administrator: no message is sent, no proof is asked for.
import { choosePassword } from '../authenticators/password.ts'
import { findPassword, insertAuthenticator, updatePassword } from '../authenticators/store.ts'
import { append } from '../events/log.ts'
import { loginIdClaims, newLoginId } from '../identities/login_id.ts'
import { identitiesOf, insertIdentity } from '../identities/store.ts'
import type { Project } from '../projects/find.ts'
import { invariantViolated, type Refusal } from '../refusal.ts'
import { endSessionsOfUser } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import { settleIdentityAttributes, withAttributes } from '../users/profile.ts'
import { insertUser, updateAttributes } from '../users/store.ts'
import type { Instant, World } from '../world.ts'

/**
 * What is read beside a change is read in its transaction: the embedded database has one connection, which the
 * transaction holds.
 */
function within(world: World, tx: Scope<Tx>): World {
  return { ...world, db: { ...world.db, query: tx.query } }
}

export function unknownLoginIdKey(): Refusal {
  return invariantViolated('InvalidLoginIDKey', 'the project has no such login ID key')
}

/**
 * A user with one login ID and, if given, a password. Block lists do not bind administrators; the password policy does.
 * @returns the new user's id.
 * @throws Refusal `InvariantViolated` (`InvalidLoginIDKey`, `DuplicatedIdentity`), `ValidationFailed`,
 *   `PasswordPolicyViolated`.
 */
export async function createUser(
  tx: Scope<Tx>,
  world: World,
  project: Project,
  user: { loginId: { key: string; value: string }; password: string | undefined },
): Promise<string> {
  const { config } = project
  const key = config.identity.login_id.keys.find((one) => one.key === user.loginId.key)
  if (key === undefined) throw unknownLoginIdKey()
  const loginId = await newLoginId(key, user.loginId.value, config, { administrator: true })
  const claims = [{ claims: loginIdClaims(loginId) }]
  const fill = config.user_profile.standard_attributes.population.strategy === 'on_signup'
  const secret =
    user.password === undefined
      ? undefined
      : await choosePassword(within(world, tx), project, {
          password: user.password,
          userId: undefined,
          about: [loginId.value],
        })
  const now = world.clock.now()
  const standardAttributes = fill ? settleIdentityAttributes({}, claims, true) : {}
  const userId = await insertUser(tx, { standardAttributes, customAttributes: {} }, now)
  if ((await insertIdentity(tx, userId, { type: 'login_id', loginId }, now)) === undefined)
    throw invariantViolated('DuplicatedIdentity', 'another user has this login ID')
  if (secret !== undefined)
    await insertAuthenticator(tx, { userId, type: 'password', kind: 'primary', isDefault: true, secret }, now)
  await append(tx, now, 'user.created', { user_id: userId })
  return userId
}

/**
 * Sets the user's primary password, and ends every session: whoever had the old one is out.
 * @throws Refusal `UserNotFound`, `PasswordPolicyViolated`.
 */
export async function resetPassword(
  tx: Scope<Tx>,
  world: World,
  project: Project,
  userId: string,
  password: string,
): Promise<void> {
  if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
  const secret = await choosePassword(within(world, tx), project, { password, userId })
  const now = world.clock.now()
  const held = await findPassword(tx, userId, 'primary')
  const what = { user_id: userId, type: 'password', kind: 'primary' }
  if (held !== undefined) {
    await updatePassword(tx, { id: held.id, userId, hash: secret }, now)
    await append(tx, now, 'authenticator.updated', { ...what, authenticator_id: held.id })
  } else {
    const id = await insertAuthenticator(
      tx,
      { userId, type: 'password', kind: 'primary', isDefault: true, secret },
      now,
    )
    await append(tx, now, 'authenticator.added', { ...what, authenticator_id: id })
  }
  await endSessionsOfUser(tx, userId, now, {
    event: 'user.session.terminated',
    termination: 'all',
    reason: 'the password was reset',
  })
}

/** Told with the standard attributes, but not a part of them that could be set. */
const derived = new Set(['email_verified', 'phone_number_verified', 'updated_at'])

/**
 * Replaces the attributes of a user; a set that is left out stays. `standard` by claim name, `custom` by the attribute's
 * name. `email`, `phone_number` and `preferred_username` take values of the user's own identities only.
 * @throws Refusal `UserNotFound`; `ValidationFailed` with a cause for each bad value.
 */
export async function replaceAttributes(
  tx: Scope<Tx>,
  project: Project,
  userId: string,
  given: { standard: Record<string, unknown> | undefined; custom: Record<string, unknown> | undefined },
  now: Instant,
): Promise<void> {
  const user = await lockUser(tx, userId, 'update')
  if (user === undefined) throw userNotFound()
  const own = await identitiesOf(tx, userId)
  const pointed = (attributes: Record<string, unknown> | undefined) =>
    Object.entries(attributes ?? {}).flatMap(([name, value]) =>
      derived.has(name) ? [] : [{ pointer: `/${name}`, value }],
    )
  const config = project.config.user_profile
  const kept = {
    standard: given.standard === undefined ? user.standard_attributes : {},
    custom: given.custom === undefined ? user.custom_attributes : {},
  }
  const attributes = withAttributes(config, kept, [...pointed(given.standard), ...pointed(given.custom)], { own })
  await updateAttributes(tx, userId, attributes, now)
  await append(tx, now, 'user.profile.updated', { user_id: userId })
}
