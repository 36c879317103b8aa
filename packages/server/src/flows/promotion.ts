// Which anonymous user asks to become a normal one: by a key pair, by a promotion code, or by their session.
import { readAnonymousRequest } from '../identities/anonymous.ts'
import { findIdentity } from '../identities/store.ts'
import type { Node } from '../node.ts'
import { takeForRequest } from '../oauth/one_time.ts'
import type { LoginHint } from '../oauth/request.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { Session } from '../sessions/resolve.ts'
import { isAnonymous } from '../users/facts.ts'

type Hint = Extract<LoginHint, { type: 'anonymous' }>

/**
 * The anonymous user behind a hint, or behind the session when there is none. What the hint carries works once; the same
 * authorization request may ask again, since a page can be loaded twice.
 * @throws Refusal 401 `InvalidCredentials`.
 */
export async function anonymousUserOf(
  node: Node,
  project: Project,
  hint: Hint | undefined,
  by: { requestId: Buffer | null; session: Session | undefined },
): Promise<string> {
  const scope = scopeOf(node.world.db, project)
  const now = node.world.clock.now()
  if (hint?.jwt !== undefined) {
    const request = readAnonymousRequest(hint.jwt, now)
    const identity = request && (await findIdentity(scope, 'anonymous', request.keyId))
    const key = identity?.data.key as Record<string, unknown> | undefined
    if (request?.action === 'promote' && identity !== undefined && key !== undefined && request.signedBy(key)) {
      const challenge = await takeForRequest(scope, 'challenge', request.challenge, by.requestId, now)
      if (challenge?.purpose === 'anonymous_request') return identity.user_id
    }
  } else if (hint?.promotionCode !== undefined) {
    const code = await takeForRequest(scope, 'promotion_code', hint.promotionCode, by.requestId, now)
    if (typeof code?.user_id === 'string') return code.user_id
  } else if (by.session !== undefined && isAnonymous(by.session.user)) return by.session.user.id
  throw new Refusal({
    name: 'Unauthorized',
    reason: 'InvalidCredentials',
    message: 'invalid credentials',
    detail: 'no anonymous user stands behind this promotion',
  })
}
