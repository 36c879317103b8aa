// Passwords: checked, chosen, changed. Hashes come from hashing.ts, rules from password_policy.ts.
import type { Config } from '../config/schema.ts'
import { charge } from '../limits/rate.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { World } from '../world.ts'
import { hashPassword, verifyPassword } from './hashing.ts'
import { loadGuess, policyCauses, policyRefusal } from './password_policy.ts'
import { type Authenticator, type AuthenticatorKind, findPassword, passwordHistory } from './store.ts'
import { verifyBuckets } from './verify_limits.ts'

/** Longer ones are refused unhashed. */
const longest = 1024

/** The message is the same for every factor; `info.AuthenticationType` says which (authentication §3.5). */
export function invalidCredentials(type: string): Refusal {
  return new Refusal({
    name: 'Unauthorized',
    reason: 'InvalidCredentials',
    message: 'invalid credentials',
    info: { AuthenticationType: type },
  })
}

/** A password that matched, and why it must be changed now, if it must (authentication §3.4). */
export type Matched = { authenticator: Authenticator; change: 'policy' | 'expiry' | undefined }

/**
 * Checks a user's password. A user without one, and no user at all, take as long to refuse.
 * @throws Refusal 401 `InvalidCredentials`; 429 `RateLimited`, or `TooManyRequest` when hashing is behind.
 */
export async function checkPassword(
  world: World,
  project: Project,
  attempt: { userId: string | undefined; kind: AuthenticatorKind; password: string; ip: string },
): Promise<Matched> {
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const charged = await charge(scope, verifyBuckets(project.config, 'password', attempt), now)
  const held = attempt.userId === undefined ? undefined : await findPassword(scope, attempt.userId, attempt.kind)
  const matches =
    attempt.password.length <= longest && (await verifyPassword(attempt.password, held?.secret ?? undefined))
  if (!matches || held === undefined) throw invalidCredentials('password')
  await charged.giveBack()
  return { authenticator: held, change: await mustChange(project.config, held, attempt.password, now) }
}

async function mustChange(
  config: Config,
  held: Authenticator,
  password: string,
  now: Date,
): Promise<'policy' | 'expiry' | undefined> {
  const { policy, force_change, expiry } = config.authenticator.password
  if (force_change) {
    const guess = policy.minimum_guessable_level > 0 ? (await loadGuess())(password, []) : undefined
    if (policyCauses(policy, password, guess).length > 0) return 'policy'
  }
  const { enabled, duration_since_last_update: lasts } = expiry.force_change
  if (enabled && now.getTime() >= held.updated_at.getTime() + lasts * 1000) return 'expiry'
  return undefined
}

/**
 * Checks a new password against the policy and hashes it.
 * @param choice.userId whose history counts; absent for a new user.
 * @param choice.about words that the person's own account makes easy to guess.
 * @throws Refusal 400 `PasswordPolicyViolated` with every cause.
 */
export async function choosePassword(
  world: World,
  project: Project,
  choice: { password: string; userId: string | undefined; about?: readonly string[] },
): Promise<string> {
  const { policy } = project.config.authenticator.password
  const { password, userId } = choice
  if (password.length > longest)
    throw new Refusal({
      name: 'Invalid',
      reason: 'ValidationFailed',
      message: 'the password is too long',
      info: {
        causes: [
          {
            location: '/new_password',
            kind: 'maxLength',
            message: `must be at most ${longest} characters`,
            details: { expected: longest },
          },
        ],
      },
    })
  const guess =
    policy.minimum_guessable_level > 0
      ? (await loadGuess())(password, [...(choice.about ?? []), project.id])
      : undefined
  const causes = policyCauses(policy, password, guess)
  if (causes.length === 0 && userId !== undefined && (await wasUsed(world, project, userId, password)))
    causes.push({
      Name: 'PasswordReused',
      Info: { history_size: policy.history_size, history_days: policy.history_days },
    })
  if (causes.length > 0) throw policyRefusal(causes)
  return hashPassword(password)
}

async function wasUsed(world: World, project: Project, userId: string, password: string): Promise<boolean> {
  const { policy } = project.config.authenticator.password
  for (const hash of await passwordHistory(scopeOf(world.db, project), userId, policy, world.clock.now()))
    if (await verifyPassword(password, hash)) return true
  return false
}
