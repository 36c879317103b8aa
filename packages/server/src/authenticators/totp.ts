// Codes of an authenticator app (RFC 6238): SHA-1, six digits, thirty seconds, one step of drift either way. A code
// counts once (§5.2): the step it belongs to is taken on the authenticator's own row, whichever node asks.
import { Secret, TOTP } from 'otpauth'
import { charge } from '../limits/rate.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Instant, Random } from '../world.ts'
import { invalidCredentials } from './password.ts'
import { type Authenticator, authenticatorsOf, takeStep } from './store.ts'
import { verifyBuckets } from './verify_limits.ts'

const period = 30
const shape = { algorithm: 'SHA1', digits: 6, period } as const

/** A new shared secret in base32: 160 bits (RFC 4226 §4, R6). */
export function newTotpSecret(random: Random): string {
  return new Secret({ buffer: new Uint8Array(random(20)).buffer }).base32
}

/** What an app reads from the QR code. */
export function totpUri(secret: string, names: { issuer: string; account: string }): string {
  // A colon would end the issuer within the label.
  const tidy = (name: string) => name.replaceAll(':', ' ')
  return new TOTP({ ...shape, secret, issuer: tidy(names.issuer), label: tidy(names.account) }).toString()
}

/** The time step whose code this is, of the three around now; undefined when it is none of theirs. */
export function stepOf(secret: string, code: string, now: Instant): number | undefined {
  const timestamp = now.getTime()
  const token = code.replaceAll(/[\s-]/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const drift = new TOTP({ ...shape, secret }).validate({ token, timestamp, window: 1 })
  return drift === null ? undefined : TOTP.counter({ period, timestamp }) + drift
}

/** Where a sealed secret belongs: to one user's authenticators, or to a set-up under way. */
export const totpContext = (projectId: string, userId: string) => `totp ${projectId} ${userId}`

/**
 * Checks a code against every authenticator app of the user. Whose flow took the step may bring the code again, such as
 * by a second click; nobody else may.
 * @throws Refusal 401 `InvalidCredentials`; 429 `RateLimited`.
 */
export async function checkTotp(
  node: Node,
  project: Project,
  attempt: { userId: string; code: string; ip: string; spender: string | undefined },
): Promise<Authenticator> {
  const { world, sealer } = node
  const { userId, code, ip, spender } = attempt
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const charged = await charge(scope, verifyBuckets(project.config, 'totp', { ip, userId }), now)
  for (const held of await authenticatorsOf(scope, userId)) {
    if (held.type !== 'totp' || held.secret === null) continue
    const step = stepOf(sealer.open(held.secret, totpContext(project.id, userId)).toString(), code, now)
    if (step === undefined || !(await takeStep(scope, { id: held.id, userId, step, spender }))) continue
    await charged.giveBack()
    return held
  }
  throw invalidCredentials('totp')
}
